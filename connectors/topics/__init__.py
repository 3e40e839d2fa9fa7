"""Topics of Kafka and Pub/Sub that others read: postings and lifecycle updates as CloudEvents."""
