"""RTSP as a client speaks it to a camera: the dialogue, its packets, and pictures out of them."""
