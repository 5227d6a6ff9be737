;; The inner loops of the CPU device in WebAssembly's 128-bit vectors, which Go
;; does not emit: a module beside Go's, on Go's memory, called through
;; go:wasmimport (simd_wasm.go) by way of simd128.js. simd128.wasm is made from
;; this file by "npm run simd128" in web/.
;;
;; A sum over k has eight lanes: lane j takes the elements j, j+8, ... Two
;; vectors hold them, lanes 0-3 (lo) and 4-7 (hi), and are folded as fold in
;; plain.go does: ((0+4)+(2+6)) + ((1+5)+(3+7)). Products are rounded before they
;; are added, so that all but exp and what is built on it gives the bits of the
;; plain versions.
;;
;; Addresses and strides are in bytes, k, n and d count values. Every k here and
;; every n of a loop over one row is a positive multiple of 8.
(module
  (import "go" "mem" (memory 1))

  ;; ---- Products of rows ----

  ;; Folds the lanes of two sums and stores the results dB apart.
  (func $fold2 (param $dst i32) (param $dB i32) (param $p v128) (param $q v128)
    ;; [p0+p2, p1+p3, q0+q2, q1+q3], then each with its neighbour.
    (local.set $p (f32x4.add
      (i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23 (local.get $p) (local.get $q))
      (i8x16.shuffle 8 9 10 11 12 13 14 15 24 25 26 27 28 29 30 31 (local.get $p) (local.get $q))))
    (local.set $p (f32x4.add (local.get $p)
      (i8x16.shuffle 4 5 6 7 0 1 2 3 12 13 14 15 8 9 10 11 (local.get $p) (local.get $p))))
    (v128.store32_lane 0 (local.get $dst) (local.get $p))
    (v128.store32_lane 2 (i32.add (local.get $dst) (local.get $dB)) (local.get $p)))

  ;; Products of four rows of a, sA apart, and two of b, sB apart: stored dA and
  ;; dB apart. The lanes lo take a pass of their own, then hi: eight sums, the
  ;; two rows of b and the row of a at hand fit the sixteen registers of x86-64,
  ;; where both halves at once would not.
  (func $tile4x2 (param $dst i32) (param $dA i32) (param $dB i32)
      (param $a i32) (param $sA i32) (param $b i32) (param $sB i32) (param $k i32)
    (local $a1 i32) (local $a2 i32) (local $a3 i32) (local $b1 i32) (local $n i32) (local $hi i32)
    (local $p v128) (local $q v128) (local $u v128)
    (local $s0 v128) (local $s1 v128) (local $s2 v128) (local $s3 v128)
    (local $s4 v128) (local $s5 v128) (local $s6 v128) (local $s7 v128)
    (local $l0 v128) (local $l1 v128) (local $l2 v128) (local $l3 v128)
    (local $l4 v128) (local $l5 v128) (local $l6 v128) (local $l7 v128)
    (local.set $a1 (i32.add (local.get $a) (local.get $sA)))
    (local.set $a2 (i32.add (local.get $a1) (local.get $sA)))
    (local.set $a3 (i32.add (local.get $a2) (local.get $sA)))
    (local.set $b1 (i32.add (local.get $b) (local.get $sB)))
    (loop $half
      (local.set $n (local.get $k))
      (loop $next
        (local.set $p (v128.load (local.get $b)))
        (local.set $q (v128.load (local.get $b1)))
        (local.set $u (v128.load (local.get $a)))
        (local.set $s0 (f32x4.add (local.get $s0) (f32x4.mul (local.get $u) (local.get $p))))
        (local.set $s1 (f32x4.add (local.get $s1) (f32x4.mul (local.get $u) (local.get $q))))
        (local.set $u (v128.load (local.get $a1)))
        (local.set $s2 (f32x4.add (local.get $s2) (f32x4.mul (local.get $u) (local.get $p))))
        (local.set $s3 (f32x4.add (local.get $s3) (f32x4.mul (local.get $u) (local.get $q))))
        (local.set $u (v128.load (local.get $a2)))
        (local.set $s4 (f32x4.add (local.get $s4) (f32x4.mul (local.get $u) (local.get $p))))
        (local.set $s5 (f32x4.add (local.get $s5) (f32x4.mul (local.get $u) (local.get $q))))
        (local.set $u (v128.load (local.get $a3)))
        (local.set $s6 (f32x4.add (local.get $s6) (f32x4.mul (local.get $u) (local.get $p))))
        (local.set $s7 (f32x4.add (local.get $s7) (f32x4.mul (local.get $u) (local.get $q))))
        (local.set $a (i32.add (local.get $a) (i32.const 32)))
        (local.set $a1 (i32.add (local.get $a1) (i32.const 32)))
        (local.set $a2 (i32.add (local.get $a2) (i32.const 32)))
        (local.set $a3 (i32.add (local.get $a3) (i32.const 32)))
        (local.set $b (i32.add (local.get $b) (i32.const 32)))
        (local.set $b1 (i32.add (local.get $b1) (i32.const 32)))
        (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 8)))))
      (if (i32.eqz (local.get $hi))
        (then
          (local.set $hi (i32.const 1))
          (local.set $l0 (local.get $s0)) (local.set $s0 (v128.const i32x4 0 0 0 0))
          (local.set $l1 (local.get $s1)) (local.set $s1 (v128.const i32x4 0 0 0 0))
          (local.set $l2 (local.get $s2)) (local.set $s2 (v128.const i32x4 0 0 0 0))
          (local.set $l3 (local.get $s3)) (local.set $s3 (v128.const i32x4 0 0 0 0))
          (local.set $l4 (local.get $s4)) (local.set $s4 (v128.const i32x4 0 0 0 0))
          (local.set $l5 (local.get $s5)) (local.set $s5 (v128.const i32x4 0 0 0 0))
          (local.set $l6 (local.get $s6)) (local.set $s6 (v128.const i32x4 0 0 0 0))
          (local.set $l7 (local.get $s7)) (local.set $s7 (v128.const i32x4 0 0 0 0))
          (local.set $n (i32.sub (i32.const 16) (i32.shl (local.get $k) (i32.const 2))))
          (local.set $a (i32.add (local.get $a) (local.get $n)))
          (local.set $a1 (i32.add (local.get $a1) (local.get $n)))
          (local.set $a2 (i32.add (local.get $a2) (local.get $n)))
          (local.set $a3 (i32.add (local.get $a3) (local.get $n)))
          (local.set $b (i32.add (local.get $b) (local.get $n)))
          (local.set $b1 (i32.add (local.get $b1) (local.get $n)))
          (br $half))))
    ;; As in $fold2, for two rows of a at a time.
    (local.set $s0 (f32x4.add (local.get $l0) (local.get $s0)))
    (local.set $s1 (f32x4.add (local.get $l1) (local.get $s1)))
    (local.set $s2 (f32x4.add (local.get $l2) (local.get $s2)))
    (local.set $s3 (f32x4.add (local.get $l3) (local.get $s3)))
    (local.set $s4 (f32x4.add (local.get $l4) (local.get $s4)))
    (local.set $s5 (f32x4.add (local.get $l5) (local.get $s5)))
    (local.set $s6 (f32x4.add (local.get $l6) (local.get $s6)))
    (local.set $s7 (f32x4.add (local.get $l7) (local.get $s7)))
    (local.set $s0 (f32x4.add
      (i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23 (local.get $s0) (local.get $s1))
      (i8x16.shuffle 8 9 10 11 12 13 14 15 24 25 26 27 28 29 30 31 (local.get $s0) (local.get $s1))))
    (local.set $s2 (f32x4.add
      (i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23 (local.get $s2) (local.get $s3))
      (i8x16.shuffle 8 9 10 11 12 13 14 15 24 25 26 27 28 29 30 31 (local.get $s2) (local.get $s3))))
    (local.set $s4 (f32x4.add
      (i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23 (local.get $s4) (local.get $s5))
      (i8x16.shuffle 8 9 10 11 12 13 14 15 24 25 26 27 28 29 30 31 (local.get $s4) (local.get $s5))))
    (local.set $s6 (f32x4.add
      (i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23 (local.get $s6) (local.get $s7))
      (i8x16.shuffle 8 9 10 11 12 13 14 15 24 25 26 27 28 29 30 31 (local.get $s6) (local.get $s7))))
    (local.set $s0 (f32x4.add
      (i8x16.shuffle 0 1 2 3 8 9 10 11 16 17 18 19 24 25 26 27 (local.get $s0) (local.get $s2))
      (i8x16.shuffle 4 5 6 7 12 13 14 15 20 21 22 23 28 29 30 31 (local.get $s0) (local.get $s2))))
    (local.set $s4 (f32x4.add
      (i8x16.shuffle 0 1 2 3 8 9 10 11 16 17 18 19 24 25 26 27 (local.get $s4) (local.get $s6))
      (i8x16.shuffle 4 5 6 7 12 13 14 15 20 21 22 23 28 29 30 31 (local.get $s4) (local.get $s6))))
    (local.set $b1 (i32.add (local.get $dst) (local.get $dB)))
    (v128.store32_lane 0 (local.get $dst) (local.get $s0))
    (v128.store32_lane 1 (local.get $b1) (local.get $s0))
    (local.set $dst (i32.add (local.get $dst) (local.get $dA)))
    (local.set $b1 (i32.add (local.get $b1) (local.get $dA)))
    (v128.store32_lane 2 (local.get $dst) (local.get $s0))
    (v128.store32_lane 3 (local.get $b1) (local.get $s0))
    (local.set $dst (i32.add (local.get $dst) (local.get $dA)))
    (local.set $b1 (i32.add (local.get $b1) (local.get $dA)))
    (v128.store32_lane 0 (local.get $dst) (local.get $s4))
    (v128.store32_lane 1 (local.get $b1) (local.get $s4))
    (local.set $dst (i32.add (local.get $dst) (local.get $dA)))
    (local.set $b1 (i32.add (local.get $b1) (local.get $dA)))
    (v128.store32_lane 2 (local.get $dst) (local.get $s4))
    (v128.store32_lane 3 (local.get $b1) (local.get $s4)))

  ;; Products of two rows of a, sA apart, and one of b: stored dA apart. One
  ;; product alone has dA and sA 0.
  (func $tile2x1 (param $dst i32) (param $dA i32) (param $a i32) (param $sA i32) (param $b i32) (param $k i32)
    (local $a1 i32) (local $p v128) (local $q v128)
    (local $s0 v128) (local $s1 v128) (local $s2 v128) (local $s3 v128)
    (local.set $a1 (i32.add (local.get $a) (local.get $sA)))
    (loop $next
      (local.set $p (v128.load (local.get $b)))
      (local.set $q (v128.load offset=16 (local.get $b)))
      (local.set $s0 (f32x4.add (local.get $s0) (f32x4.mul (local.get $p) (v128.load (local.get $a)))))
      (local.set $s1 (f32x4.add (local.get $s1) (f32x4.mul (local.get $q) (v128.load offset=16 (local.get $a)))))
      (local.set $s2 (f32x4.add (local.get $s2) (f32x4.mul (local.get $p) (v128.load (local.get $a1)))))
      (local.set $s3 (f32x4.add (local.get $s3) (f32x4.mul (local.get $q) (v128.load offset=16 (local.get $a1)))))
      (local.set $a (i32.add (local.get $a) (i32.const 32)))
      (local.set $a1 (i32.add (local.get $a1) (i32.const 32)))
      (local.set $b (i32.add (local.get $b) (i32.const 32)))
      (br_if $next (local.tee $k (i32.sub (local.get $k) (i32.const 8)))))
    (call $fold2 (local.get $dst) (local.get $dA)
      (f32x4.add (local.get $s0) (local.get $s1)) (f32x4.add (local.get $s2) (local.get $s3))))

  ;; dst[i][r] = x[i] . w[r] for nx rows of x and nw of w: tiles of 4 rows of x
  ;; and 2 of w, then what is left. The rows of x stay in the first-level cache
  ;; while all of w passes.
  (func $matmul_f32 (export "matmul_f32") (param $dst i32) (param $ds i32) (param $x i32) (param $xs i32) (param $nx i32)
      (param $w i32) (param $ws i32) (param $nw i32) (param $k i32)
    (local $to i32) (local $at i32) (local $n i32)
    (block $few
      (loop $rows
        (br_if $few (i32.lt_s (local.get $nx) (i32.const 4)))
        (local.set $to (local.get $dst))
        (local.set $at (local.get $w))
        (local.set $n (local.get $nw))
        (block $end
          (loop $pairs
            (br_if $end (i32.lt_s (local.get $n) (i32.const 2)))
            (call $tile4x2 (local.get $to) (local.get $ds) (i32.const 4)
              (local.get $x) (local.get $xs) (local.get $at) (local.get $ws) (local.get $k))
            (local.set $to (i32.add (local.get $to) (i32.const 8)))
            (local.set $at (i32.add (local.get $at) (i32.shl (local.get $ws) (i32.const 1))))
            (local.set $n (i32.sub (local.get $n) (i32.const 2)))
            (br $pairs)))
        (if (local.get $n)
          (then
            (call $tile2x1 (local.get $to) (local.get $ds) (local.get $x) (local.get $xs) (local.get $at) (local.get $k))
            (call $tile2x1 (i32.add (local.get $to) (i32.shl (local.get $ds) (i32.const 1))) (local.get $ds)
              (i32.add (local.get $x) (i32.shl (local.get $xs) (i32.const 1))) (local.get $xs) (local.get $at) (local.get $k))))
        (local.set $dst (i32.add (local.get $dst) (i32.shl (local.get $ds) (i32.const 2))))
        (local.set $x (i32.add (local.get $x) (i32.shl (local.get $xs) (i32.const 2))))
        (local.set $nx (i32.sub (local.get $nx) (i32.const 4)))
        (br $rows)))
    (if (i32.ge_s (local.get $nx) (i32.const 2))
      (then
        (local.set $to (local.get $dst))
        (local.set $at (local.get $w))
        (local.set $n (local.get $nw))
        (block $end
          (loop $fours
            (br_if $end (i32.lt_s (local.get $n) (i32.const 4)))
            (call $tile4x2 (local.get $to) (i32.const 4) (local.get $ds)
              (local.get $at) (local.get $ws) (local.get $x) (local.get $xs) (local.get $k))
            (local.set $to (i32.add (local.get $to) (i32.const 16)))
            (local.set $at (i32.add (local.get $at) (i32.shl (local.get $ws) (i32.const 2))))
            (local.set $n (i32.sub (local.get $n) (i32.const 4)))
            (br $fours)))
        (block $end
          (loop $ones
            (br_if $end (i32.eqz (local.get $n)))
            (call $tile2x1 (local.get $to) (local.get $ds) (local.get $x) (local.get $xs) (local.get $at) (local.get $k))
            (local.set $to (i32.add (local.get $to) (i32.const 4)))
            (local.set $at (i32.add (local.get $at) (local.get $ws)))
            (local.set $n (i32.sub (local.get $n) (i32.const 1)))
            (br $ones)))
        (local.set $dst (i32.add (local.get $dst) (i32.shl (local.get $ds) (i32.const 1))))
        (local.set $x (i32.add (local.get $x) (i32.shl (local.get $xs) (i32.const 1))))
        (local.set $nx (i32.sub (local.get $nx) (i32.const 2)))))
    (if (local.get $nx)
      (then
        (block $end
          (loop $pairs
            (br_if $end (i32.lt_s (local.get $nw) (i32.const 2)))
            (call $tile2x1 (local.get $dst) (i32.const 4) (local.get $w) (local.get $ws) (local.get $x) (local.get $k))
            (local.set $dst (i32.add (local.get $dst) (i32.const 8)))
            (local.set $w (i32.add (local.get $w) (i32.shl (local.get $ws) (i32.const 1))))
            (local.set $nw (i32.sub (local.get $nw) (i32.const 2)))
            (br $pairs)))
        (if (local.get $nw)
          (then (call $tile2x1 (local.get $dst) (i32.const 0) (local.get $w) (i32.const 0) (local.get $x) (local.get $k)))))))

  ;; ---- Packed weights: blocks of 32 int8, each with a float16 scale ----

  ;; A scale is looked up in half, Go's table of the values of float16.

  ;; dst[r] = x . w[r] for nw rows of k packed values, two rows at a time; an odd
  ;; last row is its own partner.
  (func $matvec_q8_0 (export "matvec_q8_0") (param $dst i32) (param $x i32) (param $q i32) (param $scales i32)
      (param $half i32) (param $nw i32) (param $k i32)
    (local $dB i32) (local $q1 i32) (local $c1 i32) (local $at i32) (local $end i32) (local $block i32)
    (local $c v128) (local $d v128) (local $u v128) (local $v v128) (local $p v128)
    (local $s0 v128) (local $s1 v128) (local $s2 v128) (local $s3 v128)
    (loop $rows
      (local.set $q1 (local.get $q))
      (local.set $c1 (local.get $scales))
      (local.set $dB (i32.const 0))
      (if (i32.gt_s (local.get $nw) (i32.const 1))
        (then
          (local.set $q1 (i32.add (local.get $q) (local.get $k)))
          (local.set $c1 (i32.add (local.get $scales) (i32.shr_u (local.get $k) (i32.const 4))))
          (local.set $dB (i32.const 4))))
      (local.set $s0 (v128.const i32x4 0 0 0 0))
      (local.set $s1 (v128.const i32x4 0 0 0 0))
      (local.set $s2 (v128.const i32x4 0 0 0 0))
      (local.set $s3 (v128.const i32x4 0 0 0 0))
      (local.set $at (local.get $x))
      (local.set $end (i32.add (local.get $x) (i32.shl (local.get $k) (i32.const 2))))
      (loop $blocks
        (local.set $c (v128.load32_splat
          (i32.add (local.get $half) (i32.shl (i32.load16_u (local.get $scales)) (i32.const 2)))))
        (local.set $d (v128.load32_splat
          (i32.add (local.get $half) (i32.shl (i32.load16_u (local.get $c1)) (i32.const 2)))))
        (local.set $block (i32.add (local.get $at) (i32.const 128)))
        (loop $eights
          (local.set $u (v128.load (local.get $at)))
          (local.set $v (v128.load offset=16 (local.get $at)))
          (local.set $p (v128.load8x8_s (local.get $q)))
          (local.set $s0 (f32x4.add (local.get $s0) (f32x4.mul (local.get $u)
            (f32x4.mul (local.get $c) (f32x4.convert_i32x4_s (i32x4.extend_low_i16x8_s (local.get $p)))))))
          (local.set $s1 (f32x4.add (local.get $s1) (f32x4.mul (local.get $v)
            (f32x4.mul (local.get $c) (f32x4.convert_i32x4_s (i32x4.extend_high_i16x8_s (local.get $p)))))))
          (local.set $p (v128.load8x8_s (local.get $q1)))
          (local.set $s2 (f32x4.add (local.get $s2) (f32x4.mul (local.get $u)
            (f32x4.mul (local.get $d) (f32x4.convert_i32x4_s (i32x4.extend_low_i16x8_s (local.get $p)))))))
          (local.set $s3 (f32x4.add (local.get $s3) (f32x4.mul (local.get $v)
            (f32x4.mul (local.get $d) (f32x4.convert_i32x4_s (i32x4.extend_high_i16x8_s (local.get $p)))))))
          (local.set $q (i32.add (local.get $q) (i32.const 8)))
          (local.set $q1 (i32.add (local.get $q1) (i32.const 8)))
          (br_if $eights (i32.ne (local.tee $at (i32.add (local.get $at) (i32.const 32))) (local.get $block))))
        (local.set $scales (i32.add (local.get $scales) (i32.const 2)))
        (local.set $c1 (i32.add (local.get $c1) (i32.const 2)))
        (br_if $blocks (i32.ne (local.get $at) (local.get $end))))
      (call $fold2 (local.get $dst) (local.get $dB)
        (f32x4.add (local.get $s0) (local.get $s1)) (f32x4.add (local.get $s2) (local.get $s3)))
      (local.set $dst (i32.add (local.get $dst) (i32.const 8)))
      (local.set $q (local.get $q1))
      (local.set $scales (local.get $c1))
      (br_if $rows (i32.gt_s (local.tee $nw (i32.sub (local.get $nw) (i32.const 2))) (i32.const 0)))))

  (func $dequant_q8_0 (export "dequant_q8_0") (param $dst i32) (param $q i32) (param $scales i32) (param $half i32) (param $blocks i32)
    (local $end i32) (local $s v128) (local $p v128)
    (loop $next
      (local.set $s (v128.load32_splat
        (i32.add (local.get $half) (i32.shl (i32.load16_u (local.get $scales)) (i32.const 2)))))
      (local.set $end (i32.add (local.get $q) (i32.const 32)))
      (loop $eights
        (local.set $p (v128.load8x8_s (local.get $q)))
        (v128.store (local.get $dst)
          (f32x4.mul (local.get $s) (f32x4.convert_i32x4_s (i32x4.extend_low_i16x8_s (local.get $p)))))
        (v128.store offset=16 (local.get $dst)
          (f32x4.mul (local.get $s) (f32x4.convert_i32x4_s (i32x4.extend_high_i16x8_s (local.get $p)))))
        (local.set $dst (i32.add (local.get $dst) (i32.const 32)))
        (br_if $eights (i32.ne (local.tee $q (i32.add (local.get $q) (i32.const 8))) (local.get $end))))
      (local.set $scales (i32.add (local.get $scales) (i32.const 2)))
      (br_if $next (local.tee $blocks (i32.sub (local.get $blocks) (i32.const 1))))))

  ;; ---- float16 ----

  ;; Four float32 values as float16, in the low halves of the lanes: to the
  ;; nearest, ties to even.
  (func $narrow (param $f v128) (result v128)
    (local $b v128) (local $r v128)
    (local.set $b (v128.and (local.get $f) (v128.const i32x4 0x7fffffff 0x7fffffff 0x7fffffff 0x7fffffff)))
    ;; 0xfff and the lowest bit that stays, to round; then the exponent's bias.
    (local.set $r (i32x4.shr_u
      (i32x4.sub
        (i32x4.add (local.get $b)
          (v128.and (i32x4.shr_u (local.get $b) (i32.const 13)) (v128.const i32x4 1 1 1 1)))
        (v128.const i32x4 0x37fff001 0x37fff001 0x37fff001 0x37fff001))
      (i32.const 13)))
    ;; Below 2^-14 the units are 2^-24, those of a float32 between 0.5 and 1.
    (local.set $r (v128.bitselect
      (i32x4.sub
        (f32x4.add (local.get $b) (v128.const f32x4 0.5 0.5 0.5 0.5))
        (v128.const f32x4 0.5 0.5 0.5 0.5))
      (local.get $r)
      (i32x4.lt_s (local.get $b) (v128.const i32x4 0x38800000 0x38800000 0x38800000 0x38800000))))
    ;; 65520 and above round to infinity.
    (local.set $r (v128.bitselect (v128.const i32x4 0x7c00 0x7c00 0x7c00 0x7c00) (local.get $r)
      (i32x4.gt_s (local.get $b) (v128.const i32x4 0x477fefff 0x477fefff 0x477fefff 0x477fefff))))
    (local.set $r (v128.bitselect (v128.const i32x4 0x7e00 0x7e00 0x7e00 0x7e00) (local.get $r)
      (i32x4.gt_s (local.get $b) (v128.const i32x4 0x7f800000 0x7f800000 0x7f800000 0x7f800000))))
    (v128.or (local.get $r)
      (v128.and (i32x4.shr_u (local.get $f) (i32.const 16)) (v128.const i32x4 0x8000 0x8000 0x8000 0x8000))))

  ;; A float16 moved up by 13 bits, sign extended, is a float32 with the fraction
  ;; in place and the value times 2^-112, subnormal or not; only infinities and
  ;; NaNs, which become 65536 and more, need their exponent set.
  (func $f16_to_f32 (export "f16_to_f32") (param $dst i32) (param $src i32) (param $n i32)
    (local $p v128) (local $q v128) (local $mask v128) (local $up v128) (local $big v128) (local $inf v128)
    (local.set $mask (v128.const i32x4 0x8fffffff 0x8fffffff 0x8fffffff 0x8fffffff))
    (local.set $up (v128.const f32x4 0x1p112 0x1p112 0x1p112 0x1p112))
    (local.set $big (v128.const f32x4 65536 65536 65536 65536))
    (local.set $inf (v128.const f32x4 inf inf inf inf))
    (loop $next
      (local.set $p (f32x4.mul (local.get $up)
        (v128.and (local.get $mask) (i32x4.shl (v128.load16x4_s (local.get $src)) (i32.const 13)))))
      (local.set $q (f32x4.mul (local.get $up)
        (v128.and (local.get $mask) (i32x4.shl (v128.load16x4_s offset=8 (local.get $src)) (i32.const 13)))))
      (v128.store (local.get $dst) (v128.or (local.get $p) (v128.and (local.get $inf)
          (f32x4.ge (f32x4.abs (local.get $p)) (local.get $big)))))
      (v128.store offset=16 (local.get $dst) (v128.or (local.get $q) (v128.and (local.get $inf)
          (f32x4.ge (f32x4.abs (local.get $q)) (local.get $big)))))
      (local.set $dst (i32.add (local.get $dst) (i32.const 32)))
      (local.set $src (i32.add (local.get $src) (i32.const 16)))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 8))))))

  ;; rows rows of d float16 values, stride apart, into one block.
  (func $f16_rows (export "f16_rows") (param $dst i32) (param $src i32) (param $stride i32) (param $rows i32) (param $d i32)
    (loop $next
      (call $f16_to_f32 (local.get $dst) (local.get $src) (local.get $d))
      (local.set $dst (i32.add (local.get $dst) (i32.shl (local.get $d) (i32.const 2))))
      (local.set $src (i32.add (local.get $src) (local.get $stride)))
      (br_if $next (local.tee $rows (i32.sub (local.get $rows) (i32.const 1))))))

  ;; dst[r] = x . w[r] for nw rows of float16 values, stride apart, converted as
  ;; above.
  (func $matvec_f16 (export "matvec_f16") (param $dst i32) (param $x i32) (param $w i32) (param $stride i32) (param $nw i32) (param $k i32)
    (local $row i32) (local $at i32) (local $n i32) (local $s v128) (local $t v128)
    (local $p v128) (local $q v128) (local $mask v128) (local $up v128) (local $big v128) (local $inf v128)
    (local.set $mask (v128.const i32x4 0x8fffffff 0x8fffffff 0x8fffffff 0x8fffffff))
    (local.set $up (v128.const f32x4 0x1p112 0x1p112 0x1p112 0x1p112))
    (local.set $big (v128.const f32x4 65536 65536 65536 65536))
    (local.set $inf (v128.const f32x4 inf inf inf inf))
    (loop $rows
      (local.set $s (v128.const i32x4 0 0 0 0))
      (local.set $t (v128.const i32x4 0 0 0 0))
      (local.set $row (local.get $w))
      (local.set $at (local.get $x))
      (local.set $n (local.get $k))
      (loop $next
        (local.set $p (f32x4.mul (local.get $up)
          (v128.and (local.get $mask) (i32x4.shl (v128.load16x4_s (local.get $row)) (i32.const 13)))))
        (local.set $q (f32x4.mul (local.get $up)
          (v128.and (local.get $mask) (i32x4.shl (v128.load16x4_s offset=8 (local.get $row)) (i32.const 13)))))
        (local.set $s (f32x4.add (local.get $s) (f32x4.mul (v128.load (local.get $at))
          (v128.or (local.get $p) (v128.and (local.get $inf)
            (f32x4.ge (f32x4.abs (local.get $p)) (local.get $big)))))))
        (local.set $t (f32x4.add (local.get $t) (f32x4.mul (v128.load offset=16 (local.get $at))
          (v128.or (local.get $q) (v128.and (local.get $inf)
            (f32x4.ge (f32x4.abs (local.get $q)) (local.get $big)))))))
        (local.set $row (i32.add (local.get $row) (i32.const 16)))
        (local.set $at (i32.add (local.get $at) (i32.const 32)))
        (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 8)))))
      (f32.store (local.get $dst) (call $fold (f32x4.add (local.get $s) (local.get $t))))
      (local.set $dst (i32.add (local.get $dst) (i32.const 4)))
      (local.set $w (i32.add (local.get $w) (local.get $stride)))
      (br_if $rows (local.tee $nw (i32.sub (local.get $nw) (i32.const 1))))))

  (func $f32_to_f16 (export "f32_to_f16") (param $dst i32) (param $src i32) (param $n i32)
    (loop $next
      (v128.store (local.get $dst) (i16x8.narrow_i32x4_u
        (call $narrow (v128.load (local.get $src)))
        (call $narrow (v128.load offset=16 (local.get $src)))))
      (local.set $dst (i32.add (local.get $dst) (i32.const 16)))
      (local.set $src (i32.add (local.get $src) (i32.const 32)))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 8))))))

  ;; ---- Rotation ----

  ;; Pairs (i, i+n) for i < n, dst may be src.
  (func $rope (export "rope") (param $dst i32) (param $src i32) (param $cos i32) (param $sin i32) (param $n i32)
    (local $dst1 i32) (local $src1 i32) (local $x v128) (local $y v128) (local $c v128) (local $s v128)
    (local.set $dst1 (i32.add (local.get $dst) (i32.shl (local.get $n) (i32.const 2))))
    (local.set $src1 (i32.add (local.get $src) (i32.shl (local.get $n) (i32.const 2))))
    (loop $next
      (local.set $x (v128.load (local.get $src)))
      (local.set $y (v128.load (local.get $src1)))
      (local.set $c (v128.load (local.get $cos)))
      (local.set $s (v128.load (local.get $sin)))
      (v128.store (local.get $dst)
        (f32x4.sub (f32x4.mul (local.get $x) (local.get $c)) (f32x4.mul (local.get $y) (local.get $s))))
      (v128.store (local.get $dst1)
        (f32x4.add (f32x4.mul (local.get $y) (local.get $c)) (f32x4.mul (local.get $x) (local.get $s))))
      (local.set $dst (i32.add (local.get $dst) (i32.const 16)))
      (local.set $dst1 (i32.add (local.get $dst1) (i32.const 16)))
      (local.set $src (i32.add (local.get $src) (i32.const 16)))
      (local.set $src1 (i32.add (local.get $src1) (i32.const 16)))
      (local.set $cos (i32.add (local.get $cos) (i32.const 16)))
      (local.set $sin (i32.add (local.get $sin) (i32.const 16)))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 4))))))

  (func $rope_f16 (export "rope_f16") (param $dst i32) (param $src i32) (param $cos i32) (param $sin i32) (param $n i32)
    (call $f16_to_f32 (local.get $dst) (local.get $src) (i32.shl (local.get $n) (i32.const 1)))
    (call $rope (local.get $dst) (local.get $dst) (local.get $cos) (local.get $sin) (local.get $n)))

  ;; ---- Softmax and SwiGLU ----

  (func $scale (export "scale") (param $x i32) (param $n i32) (param $a f32)
    (local $s v128)
    (local.set $s (f32x4.splat (local.get $a)))
    (loop $next
      (v128.store (local.get $x) (f32x4.mul (v128.load (local.get $x)) (local.get $s)))
      (v128.store offset=16 (local.get $x) (f32x4.mul (v128.load offset=16 (local.get $x)) (local.get $s)))
      (local.set $x (i32.add (local.get $x) (i32.const 32)))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 8))))))

  ;; f32x4.max keeps a NaN of either side.
  (func $max (export "max") (param $x i32) (param $n i32) (result f32)
    (local $p v128) (local $q v128)
    (local.set $p (v128.load (local.get $x)))
    (local.set $q (local.get $p))
    (loop $next
      (local.set $p (f32x4.max (local.get $p) (v128.load (local.get $x))))
      (local.set $q (f32x4.max (local.get $q) (v128.load offset=16 (local.get $x))))
      (local.set $x (i32.add (local.get $x) (i32.const 32)))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 8)))))
    (local.set $p (f32x4.max (local.get $p) (local.get $q)))
    (f32.max
      (f32.max (f32x4.extract_lane 0 (local.get $p)) (f32x4.extract_lane 1 (local.get $p)))
      (f32.max (f32x4.extract_lane 2 (local.get $p)) (f32x4.extract_lane 3 (local.get $p)))))

  ;; e^x = 2^n e^r with n the whole number nearest to x/ln 2, and e^r by a
  ;; polynomial for |r| <= ln(2)/2 (Cephes' expf). What would be subnormal is 0,
  ;; what is above 128 ln 2 is infinite, a NaN stays one. At n = 128 the
  ;; polynomial is below 1, so that its exponent plus n is still that of a float.
  ;; Two vectors at once share the constants, each of which takes instructions.
  (func $exp (param $x v128) (param $y v128) (result v128 v128)
    (local $least v128) (local $most v128) (local $c v128)
    (local $n v128) (local $p v128) (local $r v128) (local $m v128) (local $q v128) (local $s v128)
    (local.set $least (v128.const i32x4 0xc2aeac4f 0xc2aeac4f 0xc2aeac4f 0xc2aeac4f)) ;; -126 ln 2, rounded up
    (local.set $most (v128.const i32x4 0x42b17217 0x42b17217 0x42b17217 0x42b17217)) ;; 128 ln 2, rounded down
    ;; Unlike f32x4.min, pmin and pmax are one instruction on x86-64; in this
    ;; order they keep a NaN too.
    (local.set $r (f32x4.pmin (f32x4.pmax (local.get $x) (local.get $least)) (local.get $most)))
    (local.set $s (f32x4.pmin (f32x4.pmax (local.get $y) (local.get $least)) (local.get $most)))
    (local.set $c (v128.const f32x4 1.44269504 1.44269504 1.44269504 1.44269504))
    (local.set $n (f32x4.nearest (f32x4.mul (local.get $r) (local.get $c))))
    (local.set $m (f32x4.nearest (f32x4.mul (local.get $s) (local.get $c))))
    ;; r = x - n ln 2, in two parts: n times the first is exact.
    (local.set $c (v128.const f32x4 0.693359375 0.693359375 0.693359375 0.693359375))
    (local.set $r (f32x4.sub (local.get $r) (f32x4.mul (local.get $n) (local.get $c))))
    (local.set $s (f32x4.sub (local.get $s) (f32x4.mul (local.get $m) (local.get $c))))
    (local.set $c (v128.const f32x4 2.12194440e-4 2.12194440e-4 2.12194440e-4 2.12194440e-4))
    (local.set $r (f32x4.add (local.get $r) (f32x4.mul (local.get $n) (local.get $c))))
    (local.set $s (f32x4.add (local.get $s) (f32x4.mul (local.get $m) (local.get $c))))
    (local.set $p (v128.const f32x4 1.9875691500e-4 1.9875691500e-4 1.9875691500e-4 1.9875691500e-4))
    (local.set $q (local.get $p))
    (local.set $c (v128.const f32x4 1.3981999507e-3 1.3981999507e-3 1.3981999507e-3 1.3981999507e-3))
    (local.set $p (f32x4.add (f32x4.mul (local.get $p) (local.get $r)) (local.get $c)))
    (local.set $q (f32x4.add (f32x4.mul (local.get $q) (local.get $s)) (local.get $c)))
    (local.set $c (v128.const f32x4 8.3334519073e-3 8.3334519073e-3 8.3334519073e-3 8.3334519073e-3))
    (local.set $p (f32x4.add (f32x4.mul (local.get $p) (local.get $r)) (local.get $c)))
    (local.set $q (f32x4.add (f32x4.mul (local.get $q) (local.get $s)) (local.get $c)))
    (local.set $c (v128.const f32x4 4.1665795894e-2 4.1665795894e-2 4.1665795894e-2 4.1665795894e-2))
    (local.set $p (f32x4.add (f32x4.mul (local.get $p) (local.get $r)) (local.get $c)))
    (local.set $q (f32x4.add (f32x4.mul (local.get $q) (local.get $s)) (local.get $c)))
    (local.set $c (v128.const f32x4 1.6666665459e-1 1.6666665459e-1 1.6666665459e-1 1.6666665459e-1))
    (local.set $p (f32x4.add (f32x4.mul (local.get $p) (local.get $r)) (local.get $c)))
    (local.set $q (f32x4.add (f32x4.mul (local.get $q) (local.get $s)) (local.get $c)))
    (local.set $c (v128.const f32x4 0.5 0.5 0.5 0.5))
    (local.set $p (f32x4.add (f32x4.mul (local.get $p) (local.get $r)) (local.get $c)))
    (local.set $q (f32x4.add (f32x4.mul (local.get $q) (local.get $s)) (local.get $c)))
    (local.set $p (f32x4.add (f32x4.mul (f32x4.mul (local.get $p) (local.get $r)) (local.get $r)) (local.get $r)))
    (local.set $q (f32x4.add (f32x4.mul (f32x4.mul (local.get $q) (local.get $s)) (local.get $s)) (local.get $s)))
    (local.set $c (v128.const f32x4 1 1 1 1))
    (local.set $p (i32x4.add (f32x4.add (local.get $p) (local.get $c))
      (i32x4.shl (i32x4.trunc_sat_f32x4_s (local.get $n)) (i32.const 23))))
    (local.set $q (i32x4.add (f32x4.add (local.get $q) (local.get $c))
      (i32x4.shl (i32x4.trunc_sat_f32x4_s (local.get $m)) (i32.const 23))))
    (local.set $c (v128.const f32x4 inf inf inf inf))
    (v128.bitselect (local.get $c)
      (v128.andnot (local.get $p) (f32x4.lt (local.get $x) (local.get $least)))
      (f32x4.gt (local.get $x) (local.get $most)))
    (v128.bitselect (local.get $c)
      (v128.andnot (local.get $q) (f32x4.lt (local.get $y) (local.get $least)))
      (f32x4.gt (local.get $y) (local.get $most))))

  (func $fold (param $p v128) (result f32)
    (f32.add
      (f32.add (f32x4.extract_lane 0 (local.get $p)) (f32x4.extract_lane 2 (local.get $p)))
      (f32.add (f32x4.extract_lane 1 (local.get $p)) (f32x4.extract_lane 3 (local.get $p)))))

  ;; The sum of exp(x[i]-m); with keep not 0 they take the place of x.
  (func $exp_sum (export "exp_sum") (param $x i32) (param $n i32) (param $m f32) (param $keep i32) (result f32)
    (local $c v128) (local $d v128) (local $e v128) (local $p v128) (local $q v128)
    (local.set $c (f32x4.splat (local.get $m)))
    (loop $next
      (call $exp
        (f32x4.sub (v128.load (local.get $x)) (local.get $c))
        (f32x4.sub (v128.load offset=16 (local.get $x)) (local.get $c)))
      (local.set $e)
      (local.set $d)
      (if (local.get $keep)
        (then
          (v128.store (local.get $x) (local.get $d))
          (v128.store offset=16 (local.get $x) (local.get $e))))
      (local.set $p (f32x4.add (local.get $p) (local.get $d)))
      (local.set $q (f32x4.add (local.get $q) (local.get $e)))
      (local.set $x (i32.add (local.get $x) (i32.const 32)))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 8)))))
    (call $fold (f32x4.add (local.get $p) (local.get $q))))

  (func $add_exp (export "add_exp") (param $dst i32) (param $x i32) (param $n i32) (param $m f32) (param $inv f32)
    (local $c v128) (local $s v128) (local $d v128) (local $e v128)
    (local.set $c (f32x4.splat (local.get $m)))
    (local.set $s (f32x4.splat (local.get $inv)))
    (loop $next
      (call $exp
        (f32x4.sub (v128.load (local.get $x)) (local.get $c))
        (f32x4.sub (v128.load offset=16 (local.get $x)) (local.get $c)))
      (local.set $e)
      (local.set $d)
      (v128.store (local.get $dst)
        (f32x4.add (v128.load (local.get $dst)) (f32x4.mul (local.get $d) (local.get $s))))
      (v128.store offset=16 (local.get $dst)
        (f32x4.add (v128.load offset=16 (local.get $dst)) (f32x4.mul (local.get $e) (local.get $s))))
      (local.set $dst (i32.add (local.get $dst) (i32.const 32)))
      (local.set $x (i32.add (local.get $x) (i32.const 32)))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 8))))))

  (func $swiglu (export "swiglu") (param $dst i32) (param $gate i32) (param $up i32) (param $n i32)
    (local $g v128) (local $h v128) (local $d v128) (local $e v128) (local $one v128)
    (local.set $one (v128.const f32x4 1 1 1 1))
    (loop $next
      (local.set $g (v128.load (local.get $gate)))
      (local.set $h (v128.load offset=16 (local.get $gate)))
      (call $exp (f32x4.neg (local.get $g)) (f32x4.neg (local.get $h)))
      (local.set $e)
      (local.set $d)
      (v128.store (local.get $dst) (f32x4.mul (v128.load (local.get $up))
        (f32x4.div (local.get $g) (f32x4.add (local.get $one) (local.get $d)))))
      (v128.store offset=16 (local.get $dst) (f32x4.mul (v128.load offset=16 (local.get $up))
        (f32x4.div (local.get $h) (f32x4.add (local.get $one) (local.get $e)))))
      (local.set $dst (i32.add (local.get $dst) (i32.const 32)))
      (local.set $gate (i32.add (local.get $gate) (i32.const 32)))
      (local.set $up (i32.add (local.get $up) (i32.const 32)))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 8))))))

  ;; ---- Weighted sums of values ----

  ;; o[i][c] += sum over t of p[i][t] v[t][c] for four rows and eight columns.
  (func $pv4x8 (param $o i32) (param $os i32) (param $p i32) (param $ps i32) (param $n i32) (param $v i32) (param $vs i32)
    (local $o1 i32) (local $o2 i32) (local $o3 i32) (local $p1 i32) (local $p2 i32) (local $p3 i32)
    (local $x v128) (local $y v128) (local $u v128)
    (local $s0 v128) (local $s1 v128) (local $s2 v128) (local $s3 v128)
    (local $s4 v128) (local $s5 v128) (local $s6 v128) (local $s7 v128)
    (local.set $o1 (i32.add (local.get $o) (local.get $os)))
    (local.set $o2 (i32.add (local.get $o1) (local.get $os)))
    (local.set $o3 (i32.add (local.get $o2) (local.get $os)))
    (local.set $p1 (i32.add (local.get $p) (local.get $ps)))
    (local.set $p2 (i32.add (local.get $p1) (local.get $ps)))
    (local.set $p3 (i32.add (local.get $p2) (local.get $ps)))
    (local.set $s0 (v128.load (local.get $o)))
    (local.set $s1 (v128.load offset=16 (local.get $o)))
    (local.set $s2 (v128.load (local.get $o1)))
    (local.set $s3 (v128.load offset=16 (local.get $o1)))
    (local.set $s4 (v128.load (local.get $o2)))
    (local.set $s5 (v128.load offset=16 (local.get $o2)))
    (local.set $s6 (v128.load (local.get $o3)))
    (local.set $s7 (v128.load offset=16 (local.get $o3)))
    (loop $next
      (local.set $x (v128.load (local.get $v)))
      (local.set $y (v128.load offset=16 (local.get $v)))
      (local.set $u (v128.load32_splat (local.get $p)))
      (local.set $s0 (f32x4.add (local.get $s0) (f32x4.mul (local.get $u) (local.get $x))))
      (local.set $s1 (f32x4.add (local.get $s1) (f32x4.mul (local.get $u) (local.get $y))))
      (local.set $u (v128.load32_splat (local.get $p1)))
      (local.set $s2 (f32x4.add (local.get $s2) (f32x4.mul (local.get $u) (local.get $x))))
      (local.set $s3 (f32x4.add (local.get $s3) (f32x4.mul (local.get $u) (local.get $y))))
      (local.set $u (v128.load32_splat (local.get $p2)))
      (local.set $s4 (f32x4.add (local.get $s4) (f32x4.mul (local.get $u) (local.get $x))))
      (local.set $s5 (f32x4.add (local.get $s5) (f32x4.mul (local.get $u) (local.get $y))))
      (local.set $u (v128.load32_splat (local.get $p3)))
      (local.set $s6 (f32x4.add (local.get $s6) (f32x4.mul (local.get $u) (local.get $x))))
      (local.set $s7 (f32x4.add (local.get $s7) (f32x4.mul (local.get $u) (local.get $y))))
      (local.set $p (i32.add (local.get $p) (i32.const 4)))
      (local.set $p1 (i32.add (local.get $p1) (i32.const 4)))
      (local.set $p2 (i32.add (local.get $p2) (i32.const 4)))
      (local.set $p3 (i32.add (local.get $p3) (i32.const 4)))
      (local.set $v (i32.add (local.get $v) (local.get $vs)))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (v128.store (local.get $o) (local.get $s0))
    (v128.store offset=16 (local.get $o) (local.get $s1))
    (v128.store (local.get $o1) (local.get $s2))
    (v128.store offset=16 (local.get $o1) (local.get $s3))
    (v128.store (local.get $o2) (local.get $s4))
    (v128.store offset=16 (local.get $o2) (local.get $s5))
    (v128.store (local.get $o3) (local.get $s6))
    (v128.store offset=16 (local.get $o3) (local.get $s7)))

  ;; The same for one row.
  (func $pv1x8 (param $o i32) (param $p i32) (param $n i32) (param $v i32) (param $vs i32)
    (local $u v128) (local $s0 v128) (local $s1 v128)
    (local.set $s0 (v128.load (local.get $o)))
    (local.set $s1 (v128.load offset=16 (local.get $o)))
    (loop $next
      (local.set $u (v128.load32_splat (local.get $p)))
      (local.set $s0 (f32x4.add (local.get $s0) (f32x4.mul (local.get $u) (v128.load (local.get $v)))))
      (local.set $s1 (f32x4.add (local.get $s1) (f32x4.mul (local.get $u) (v128.load offset=16 (local.get $v)))))
      (local.set $p (i32.add (local.get $p) (i32.const 4)))
      (local.set $v (i32.add (local.get $v) (local.get $vs)))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (v128.store (local.get $o) (local.get $s0))
    (v128.store offset=16 (local.get $o) (local.get $s1)))

  ;; rows rows and d columns, d a multiple of 8; the rows of v are vs apart.
  (func $accum_pv (export "accum_pv") (param $o i32) (param $os i32) (param $p i32) (param $ps i32) (param $rows i32)
      (param $n i32) (param $v i32) (param $vs i32) (param $d i32)
    (local $c i32) (local $end i32)
    (local.set $end (i32.shl (local.get $d) (i32.const 2)))
    (block $few
      (loop $fours
        (br_if $few (i32.lt_s (local.get $rows) (i32.const 4)))
        (local.set $c (i32.const 0))
        (loop $columns
          (call $pv4x8 (i32.add (local.get $o) (local.get $c)) (local.get $os) (local.get $p) (local.get $ps)
            (local.get $n) (i32.add (local.get $v) (local.get $c)) (local.get $vs))
          (br_if $columns (i32.ne (local.tee $c (i32.add (local.get $c) (i32.const 32))) (local.get $end))))
        (local.set $o (i32.add (local.get $o) (i32.shl (local.get $os) (i32.const 2))))
        (local.set $p (i32.add (local.get $p) (i32.shl (local.get $ps) (i32.const 2))))
        (local.set $rows (i32.sub (local.get $rows) (i32.const 4)))
        (br $fours)))
    (block $done
      (loop $ones
        (br_if $done (i32.eqz (local.get $rows)))
        (local.set $c (i32.const 0))
        (loop $columns
          (call $pv1x8 (i32.add (local.get $o) (local.get $c)) (local.get $p)
            (local.get $n) (i32.add (local.get $v) (local.get $c)) (local.get $vs))
          (br_if $columns (i32.ne (local.tee $c (i32.add (local.get $c) (i32.const 32))) (local.get $end))))
        (local.set $o (i32.add (local.get $o) (local.get $os)))
        (local.set $p (i32.add (local.get $p) (local.get $ps)))
        (local.set $rows (i32.sub (local.get $rows) (i32.const 1)))
        (br $ones))))
)
