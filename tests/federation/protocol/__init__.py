"""The protocol between nodes as a model: pure Python, no code of the node's, all rules at once.

`rules` names what can be taken away, `leaves` what is signed, `reading` what follows from it,
`node` an honest party, `liar` one that is not, `schedule` plays them, `checks` judges the end.
"""
