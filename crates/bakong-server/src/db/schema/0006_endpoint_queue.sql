-- Finds the due deliveries of one endpoint without reading those of the others.
CREATE INDEX server_deliveries_endpoint ON server_deliveries (endpoint, next_at) WHERE status = 'pending';
