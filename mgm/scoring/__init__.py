"""Scoring raw documents with a bundle: shards, staging, tables of nights, clusters."""
