"""The only place where SDKs are imported. An adapter never imports another adapter."""
