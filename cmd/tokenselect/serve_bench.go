//go:build !js

package main

import (
	"net/http"
	"os"
)

// benchProgram is this command for browsers, which bench.html measures parts of
// models with.
const benchProgram = "bench.wasm"

// serveBench serves benchProgram from a file. It is read when it is asked for: few
// have it, and fewer want it.
func serveBench(path string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, err := os.Open(path)
		if err != nil {
			w.Header().Set("Cache-Control", "no-store")
			http.Error(w, benchProgram+" is not beside the engine for browsers, so that this page measures whole models only; make bench-wasm builds it.", http.StatusNotFound)
			return
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("Content-Type", "application/wasm")
		http.ServeContent(w, r, "", info.ModTime(), f)
	})
}
