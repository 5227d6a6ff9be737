// Scores of the candidates and what their softmax needs, from a cache of float16.
// A workgroup takes some candidates of one key head: see lib/score_stats.
//#import lib/piece_f16
//#import lib/score_stats
