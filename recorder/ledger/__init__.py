"""The formats an outsider can check: canonical bytes, signed notes, receipts. Pure, no I/O."""
