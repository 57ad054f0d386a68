"""The verbs for labelled faces: data, train, sweep, export, eval, score, compare, reproduce."""
