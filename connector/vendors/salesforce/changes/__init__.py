"""Change Data Capture over the Pub/Sub API: which records of an org changed, the moment that they do.

    wire.py          the messages of the Pub/Sub API
    subscription.py  one subscription: sessions, flow control, errors
    decoding.py      Avro and its bitmaps, to a `Change`
    inbound.py       changes as they are stored, to events; needs nothing of the extra `cdc`

An event only says which record changed: it leads to a look, as every other event does.
"""
