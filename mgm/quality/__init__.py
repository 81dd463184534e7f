"""The tables that gates judge: Polars in, narrow tables out."""
