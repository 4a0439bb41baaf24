"""Data sets in MVTec AD layout: reading, checking, downloading, and the synthetic stand-in."""
