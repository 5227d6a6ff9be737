// Scores of the candidates and what their softmax needs, from the int8 key index.
// A workgroup takes some candidates of one key head: see lib/score_tiles.
//#import lib/values_i8
//#import lib/score_tiles
