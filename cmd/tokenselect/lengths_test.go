package main

import (
	"slices"
	"testing"
)

func TestParseLengths(t *testing.T) {
	got, err := parseLengths("-lengths", "8K, 1500,1.5k,2M,8192")
	if want := []int{1500, 1536, 8192, 2 << 20}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v; expected %v", got, err, want)
	}
}
