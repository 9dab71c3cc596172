"""RTMP and RTMPS as publishers speak it: bytes to messages, commands to answers, no media."""
