"""Tests of the product; the folder decides the kind: unit, integration, e2e."""
