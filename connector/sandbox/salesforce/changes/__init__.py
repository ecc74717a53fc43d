"""The Pub/Sub API of the stand-in: change events of an org over gRPC. Needs the extra `cdc`."""
