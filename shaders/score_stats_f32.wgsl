// Scores of the candidates and what their softmax needs, from a cache of float32.
// A workgroup takes some candidates of one key head: see lib/score_stats.
//#import lib/piece_f32
//#import lib/score_stats
