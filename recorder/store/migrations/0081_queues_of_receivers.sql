-- Beside those who write.
CREATE INDEX CONCURRENTLY webhook_delivery_queue ON webhook_delivery (endpoint_id, due_at, position)
    WHERE state = 'waiting';
DROP INDEX CONCURRENTLY IF EXISTS webhook_delivery_due;
