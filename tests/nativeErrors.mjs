// jest runs tests in a context of its own, where Node's errors are no instances of the context's Error. The code under
// test may rely on `instanceof Error` as everywhere else, so the context is taught that a native error is one.
import { types } from 'node:util';

const plain = Function.prototype[Symbol.hasInstance];

Object.defineProperty(Error, Symbol.hasInstance, {
  value(candidate) {
    if (this === Error && types.isNativeError(candidate)) return true;
    return plain.call(this, candidate);
  },
});
