"""A stand-in Salesforce: an org in memory behind the REST, Bulk and SOAP APIs. See docs/sandbox-salesforce.md."""
