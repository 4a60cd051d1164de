;; Base64 in lines, 16 letters at a time. `npm run assemble` makes base64Module.ts of this file.
;;
;; Both functions read and write blocks of 16 bytes: beyond the end of a line, where the next line is read too
;; early and written over afterwards, and beyond the end of all, where the caller leaves room. Constants are
;; locals because V8 builds a constant inside a loop again each time, which takes three times as long.
(module
  (memory (export "memory") 3 3)

  ;; Decodes the lines in [$text, $textEnd), a range without the break of the last line. Nothing is checked:
  ;; the caller encodes again and compares, and what is no base64 does not come back.
  (func (export "decode")
    (param $text i32) (param $textEnd i32) (param $line i32) (param $break i32) (param $plain i32)
    (local $lineEnd i32) (local $to i32) (local $block v128)
    (local $low4 v128) (local $slash v128) (local $addends v128)
    (local $first v128) (local $weights v128) (local $order v128)
    (local.set $low4 (i8x16.splat (i32.const 0x0f)))
    (local.set $slash (i8x16.splat (i32.const 47)))
    (local.set $addends (v128.const i8x16 0 16 19 4 -65 -65 -71 -71 0 0 0 0 0 0 0 0))
    (local.set $first (i16x8.splat (i32.const 0x0fc0)))
    (local.set $weights (v128.const i16x8 4096 1 4096 1 4096 1 4096 1))
    (local.set $order (v128.const i8x16 2 1 0 6 5 4 10 9 8 14 13 12 -1 -1 -1 -1))
    (loop $lines
      (local.set $lineEnd (i32.add (local.get $text) (local.get $line)))
      (if (i32.gt_u (local.get $lineEnd) (local.get $textEnd))
        (then (local.set $lineEnd (local.get $textEnd))))
      (local.set $to (local.get $plain))
      (local.set $plain
        (i32.add
          (local.get $plain)
          (i32.mul (i32.shr_u (i32.sub (local.get $lineEnd) (local.get $text)) (i32.const 2)) (i32.const 3))))
      (loop $blocks
        (local.set $block (v128.load (local.get $text)))
        ;; Letter to number: the upper four bits tell what to add, only `/` shares them with `+`.
        (local.set $block
          (i8x16.add
            (local.get $block)
            (i8x16.swizzle
              (local.get $addends)
              (i8x16.add
                (v128.and (i16x8.shr_u (local.get $block) (i32.const 4)) (local.get $low4))
                (i8x16.eq (local.get $block) (local.get $slash))))))
        ;; Two numbers of 6 bits become one of 12, two of those one of 24, whose three bytes are turned round.
        (v128.store (local.get $to)
          (i8x16.swizzle
            (i32x4.dot_i16x8_s
              (v128.or
                (v128.and (i16x8.shl (local.get $block) (i32.const 6)) (local.get $first))
                (i16x8.shr_u (local.get $block) (i32.const 8)))
              (local.get $weights))
            (local.get $order)))
        (local.set $to (i32.add (local.get $to) (i32.const 12)))
        (local.set $text (i32.add (local.get $text) (i32.const 16)))
        (br_if $blocks (i32.lt_u (local.get $text) (local.get $lineEnd))))
      (local.set $text (i32.add (local.get $lineEnd) (local.get $break)))
      (br_if $lines (i32.lt_u (local.get $text) (local.get $textEnd)))))

  ;; Encodes [$plain, $plainEnd), $line bytes a line, with $break bytes of break after each line, the last one
  ;; included. Sets the two bytes behind the end to zero.
  (func (export "encode")
    (param $plain i32) (param $plainEnd i32) (param $line i32) (param $break i32) (param $text i32)
    (local $lineEnd i32) (local $to i32) (local $rest i32) (local $feed i32) (local $block v128)
    (local $order v128) (local $first v128) (local $third v128) (local $others v128) (local $shifts v128)
    (local $fiftyOne v128) (local $twentySix v128) (local $thirteen v128) (local $addends v128)
    (local.set $order (v128.const i8x16 1 0 2 1 4 3 5 4 7 6 8 7 10 9 11 10))
    (local.set $first (i32x4.splat (i32.const 0x0000003f)))
    (local.set $third (i32x4.splat (i32.const 0x003f0000)))
    (local.set $others (i32x4.splat (i32.const 0x003f03f0)))
    (local.set $shifts (v128.const i16x8 16 256 16 256 16 256 16 256))
    (local.set $fiftyOne (i8x16.splat (i32.const 51)))
    (local.set $twentySix (i8x16.splat (i32.const 26)))
    (local.set $thirteen (i8x16.splat (i32.const 13)))
    (local.set $addends (v128.const i8x16 71 -4 -4 -4 -4 -4 -4 -4 -4 -4 -4 -19 -16 65 0 0))
    (local.set $feed (select (i32.const 0x0a0d) (i32.const 0x0a) (i32.eq (local.get $break) (i32.const 2))))
    (local.set $rest (i32.rem_u (i32.sub (local.get $plainEnd) (local.get $plain)) (i32.const 3)))
    (i32.store16 (local.get $plainEnd) (i32.const 0))
    (loop $lines
      (local.set $lineEnd (i32.add (local.get $plain) (local.get $line)))
      (if (i32.gt_u (local.get $lineEnd) (local.get $plainEnd))
        (then (local.set $lineEnd (local.get $plainEnd))))
      (local.set $to (local.get $text))
      (local.set $text
        (i32.add
          (local.get $text)
          (i32.shl
            (i32.div_u (i32.add (i32.sub (local.get $lineEnd) (local.get $plain)) (i32.const 2)) (i32.const 3))
            (i32.const 2))))
      (loop $blocks
        ;; Three bytes become two numbers of 16 bits, first and second, second and third: two letters each.
        (local.set $block (i8x16.swizzle (v128.load (local.get $plain)) (local.get $order)))
        (local.set $block
          (v128.or
            (v128.or
              (v128.and (i32x4.shr_u (local.get $block) (i32.const 10)) (local.get $first))
              (v128.and (i32x4.shr_u (local.get $block) (i32.const 6)) (local.get $third)))
            (i16x8.mul (v128.and (local.get $block) (local.get $others)) (local.get $shifts))))
        ;; Number to letter: 0 to 25 and 26 to 51 have one addend each, from 52 on each number has its own.
        (v128.store (local.get $to)
          (i8x16.add
            (local.get $block)
            (i8x16.swizzle
              (local.get $addends)
              (v128.or
                (i8x16.sub_sat_u (local.get $block) (local.get $fiftyOne))
                (v128.and (i8x16.lt_s (local.get $block) (local.get $twentySix)) (local.get $thirteen))))))
        (local.set $to (i32.add (local.get $to) (i32.const 16)))
        (local.set $plain (i32.add (local.get $plain) (i32.const 12)))
        (br_if $blocks (i32.lt_u (local.get $plain) (local.get $lineEnd))))
      (i32.store16 (local.get $text) (local.get $feed))
      (local.set $text (i32.add (local.get $text) (local.get $break)))
      (local.set $plain (local.get $lineEnd))
      (br_if $lines (i32.lt_u (local.get $plain) (local.get $plainEnd))))
    ;; What is no whole group of three bytes is padded.
    (local.set $to (i32.sub (local.get $text) (local.get $break)))
    (if (local.get $rest)
      (then (i32.store8 (i32.sub (local.get $to) (i32.const 1)) (i32.const 61))))
    (if (i32.eq (local.get $rest) (i32.const 1))
      (then (i32.store8 (i32.sub (local.get $to) (i32.const 2)) (i32.const 61))))))
