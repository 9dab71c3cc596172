"""HLS as a client that fetches media once, in order, from where it may."""
