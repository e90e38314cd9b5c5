"""A party's directory: settings, private keys, key card and agreement, files to values and back.

    DIR/config.toml        settings, read once (docs/reference/config.md)
    DIR/keys/<role>.pem    private keys, PKCS #8, one file a role, for the owner alone; see `keys`
    DIR/keys/log.json      where the own log starts, if it is not the first one; see `keys`
    DIR/keycard.json       who we are and our public keys, signed (envelope, KEY_CARD_TYPE)
    DIR/agreement.json     the agreement in force, signed by all its parties
    DIR/luftrom.sqlite3    the store; see `storing`
    DIR/luftrom.*          marks of this place, see `instance`
    DIR/luftrom.lock       held by the process that has the store open

Everything is created once and never overwritten; an agreement is replaced only by a later version.
"""
