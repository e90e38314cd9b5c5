"""C2SP and RFC 6962: notes, checkpoints, trees and receipts. Nothing here knows of flying."""
