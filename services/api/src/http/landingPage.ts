import { apiBase } from './apiBase.ts';

/** What a browser sees until the web console is served here. */
export const landingPage = (version: string): string => `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Holdfast</title></head>
<body>
<h1>Holdfast ${version}</h1>
<p>Backup and restore for Exchange mailboxes.</p>
<ul>
<li>REST API: <code>${apiBase}</code> (sign in with a bearer token)</li>
<li>Its description: <a href="${apiBase}/openapi.json">OpenAPI 3.1</a></li>
<li>From a terminal: <code>holdfast --help</code></li>
</ul>
</body>
</html>
`;
