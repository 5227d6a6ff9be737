package main

// siteCommand is none: sites are written by the program that has the page in it.
func siteCommand() []command { return nil }
