// score_stats_i4 where four bytes are multiplied with four others at once. A
// workgroup takes some candidates of one key head: see lib/score_tiles_dot.
requires packed_4x8_integer_dot_product;
//#import lib/bytes_i4
//#import lib/score_tiles_dot
