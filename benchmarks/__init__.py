"""Benchmarks of xtopk, each run also, tiny, as a test."""
