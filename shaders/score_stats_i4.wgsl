// Scores of the candidates and what their softmax needs, from the int4 key index.
// A workgroup takes some candidates of one key head: see lib/score_tiles.
//#import lib/values_i4
//#import lib/score_tiles
