"""Every limit in one place: each refusal can name its number, the documentation can list them.

Sizes are in bytes unless the name says otherwise; the unit stands last in the name.
"""

LEAF_BYTES_MAX = 65_535                    # C2SP tlog-tiles: an entry's length is a uint16
DISCLOSURE_BYTES_MAX = 4 * 1024 * 1024     # one opened claim, as large as the largest volume list
REQUEST_BODY_BYTES_MAX = 4 * 1024 * 1024   # one client request
EXCHANGE_BODY_BYTES_MAX = 64 * 1024 * 1024 # one message between nodes, after decompression
EXCHANGE_LEAVES_MAX = 2_048                # leaves in one message; the rest follows in the next
DISCLOSURES_MAX = 8                        # that open one leaf
JSON_DEPTH_MAX = 32
JSON_STRING_CHARS_MAX = 65_536
RING_VERTICES_MAX = 10_000                 # vertices of one polygon at the edges of a node
VOLUMES_MAX = 1_024                        # 4D volumes of one operational intent
INTENT_VERTICES_MAX = 20_000               # vertices of all its polygons together
KEY_OVNS_MAX = 10_000                      # entries of an F3548 `key`
RADIUS_M_MAX = 2_000_000.0                 # circles and polygon extents beyond this are refused
COVERING_CELLS_MAX = 1_000_000             # S2 cells of the covering of one outline
ALTITUDE_M_W84_MIN = -8_000.0              # F3548-21, schema Altitude
ALTITUDE_M_W84_MAX = 100_000.0
NOTE_SIGNATURES_MAX = 16                   # C2SP signed-note: verifiers accept at least 16
NOTE_BYTES_MAX = 64 * 1024
PROOF_HASHES_MAX = 63                      # C2SP tlog-witness, add-checkpoint
PARTIES_MAX = 16
NAME_CHARS_MAX = 128
REMARKS_CHARS_MAX = 4_096
PAGE_ITEMS_MAX = 1_000
PAGE_VERTICES_MAX = 100_000                # of all items of a page; a volume is as much as ten
QUERY_ITEMS_MAX = 10_000                   # references that one F3548 query finds
BATCH_ITEMS_MAX = 1_000
OWN_CLOCK_OFF_S_MAX = 60.0                 # by the own time source; beyond it nothing is signed
ASK_BYTES_MAX = 4_096                      # a signed ask of a peer for a word
WORD_BYTES_MAX = 65_535                    # a signed word of a peer on our log: a text of JSON
WORD_S_MAX = 5.0                           # for a peer to give its word
RETURNED_LEAVES_MAX = 2_048                # leaves whose disclosures one page gives back
RETURNED_BYTES_MAX = 8 * 1024 * 1024       # of disclosures in one page, above the first leaf's
STATEMENT_AHEAD_S_MAX = 3_900              # a clock set to the next time zone is still heard
WAITING_DECLARATIONS_MAX = 10_000          # beyond this a node answers 503
DATASET_ITEM_CHARS_MAX = 4 * 1024 * 1024   # one feature or intent of a file of many
FILE_BYTES_MAX = 16 * 1024 * 1024          # a file of settings, keys, cards, agreements, proofs
RECORDING_BYTES_MAX = 256 * 1024 * 1024    # recorded positions, after decompression
ANSWER_BYTES_MAX = 256 * 1024 * 1024       # of a node to a command, so that none is endless
VOID_PROOFS_MAX = 100                      # kept against one party; all stand in its log
EVIDENCE_LEAVES_MAX = 4_096                # in one proof
REFUSED_KEPT_MAX = 256                     # of each kind, of what one peer signed and was refused

# Requests with a token, and what comes in them.
TOKEN_CHARS_MAX = 16_384
TOKENS_KEPT_MAX = 4_096                    # verified ones; the one used longest ago goes first
RSA_BITS_MIN = 2_048
JWKS_BYTES_MAX = 1024 * 1024
JWKS_S_MAX = 5.0                           # for a key set to come
JWKS_AGE_S_MAX = 3_600                     # keys of a URL are fetched again after this
JWKS_PAUSE_S_MIN = 30                      # and never sooner than this, whatever tokens arrive
QUERY_PARAMETERS_MAX = 32
URL_CHARS_MAX = 2_048                      # of a USS's base URL
SUBSCRIPTIONS_MAX = 1_000                  # of one notification
STREAMS_MAX = 256                          # open event streams

# Work is counted before it is done, in units of about 10 ns: docs/decisions/work-budgets.md.
STEP_PEERS_WORK_MAX = 1_000_000.0          # on leaves of peers, in one step
PEER_WORK_PER_MINUTE_MAX = 1_000_000_000.0 # on leaves of one peer; the rest waits for the next
CLIENT_WORK_MAX = 100_000_000.0            # for one declaration, notice or question of a client
SUGGESTIONS_WORK_MAX = 60_000_000.0        # for all that is searched instead of a refused one

# Strangers: what one connection, one address and all of them may take of a node.
REQUEST_LINE_BYTES_MAX = 8_192             # method, target and version
HEAD_BYTES_MAX = 32_768                    # request line and all headers; trailers as well
HEADERS_MAX = 100                          # of one request
HEAD_S_MAX = 10.0                          # from the first byte, or the connection, to the last
IDLE_S_MAX = 30.0                          # between an answer and the next request
BODY_S_MAX = 20.0                          # without a byte of a body that is not at its end
BODY_BYTES_PER_S_MIN = 4_096               # a body that comes more slowly is cut off
LEFTOVER_BYTES_MAX = 1024 * 1024           # of a body that still comes when its answer is out
WRITE_S_MAX = 60.0                         # for a client to take some of what is sent to it
CLOSE_S_MAX = 5.0                          # for a client to take the end of a closed connection
PIPELINED_MAX = 16                         # requests of a connection that wait; then none is read
HANDSHAKE_S_MAX = 10.0                     # TLS
CONNECTIONS_MAX = 4_096
CONNECTIONS_PER_ADDRESS_MAX = 512          # strangers' of one IPv4 address, or one IPv6 /64
CONNECTIONS_KEPT = 512                     # connections that strangers cannot take
VOUCHED_ADDRESSES_MAX = 1_024              # at which a token or a peer's signature was valid
BODIES_BYTES_MAX = 256 * 1024 * 1024       # of all requests in progress
STRANGERS_BODIES_BYTES_MAX = 20 * 1024 * 1024      # of those without a token or peer's signature
ADDRESS_BODIES_BYTES_MAX = 18 * 1024 * 1024        # of strangers at one address
UNSENT_BYTES_MAX = 20 * 1024 * 1024        # answers that strangers do not read, in all
UPLOAD_BYTES_MAX = 17 * 1024 * 1024        # of entries to a mirror: a package has up to 16 MiB
UPLOAD_S_MAX = 60.0
DISCARDED_BYTES_MAX = 16 * 1024 * 1024     # of a refused body, so that the refusal is heard
STOP_S_MAX = 2.0                           # for requests in progress when the node stops
