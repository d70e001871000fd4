"""Turn documents into packed training batches."""
import numpy as np
import torch

ANSWER, PROMPT, LOOSE = 1.0, 0.1, 0.5   # loss weights; LOOSE: many right texts


def tokens_of(tok, doc):
    """Document -> (ids, weights), lists of equal length, <|begin|> first.

    weights[i] is the loss weight of predicting ids[i].
    """
    ids, weights = [tok.special["<|begin|>"]], [0.0]
    for role, text in doc["turns"]:
        if role != "prose":
            ids.append(tok.special[f"<|{role}|>"])
            weights.append(PROMPT)
        body = tok.encode(text) + [tok.special["<|end|>"]]
        own = ANSWER if doc["fixed"] or doc["kind"] == "session" else LOOSE
        ids += body
        weights += [own if role in ("assistant", "prose") else PROMPT] * len(body)
    return ids, weights


class Packer:
    """Fills rows of `length` tokens with whole documents, the best fit first."""

    def __init__(self, documents, tok, length):
        self.documents, self.tok, self.length = documents, tok, length
        self.pool = [self.fetch() for _ in range(48)]

    def fetch(self):
        """Next document as (ids, weights), cut to one row."""
        ids, weights = tokens_of(self.tok, next(self.documents))
        return ids[:self.length + 1], weights[:self.length + 1]

    def row(self):
        """One row -> ids, targets, weights, document numbers; each (length,)."""
        ids, target = np.zeros((2, self.length), dtype=np.int64)
        weight = np.zeros(self.length, dtype=np.float32)
        owner = np.full(self.length, -1, dtype=np.int64)
        at, number = 0, 0
        pick = 0                       # the oldest document always goes first
        while pick is not None:
            doc, w = self.pool.pop(pick)
            self.pool.append(self.fetch())
            n = len(doc) - 1
            ids[at:at + n], target[at:at + n] = doc[:-1], doc[1:]
            weight[at:at + n], owner[at:at + n] = w[1:], number
            at, number = at + n, number + 1
            pick = self.best_fit(self.length - at)
        return ids, target, weight, owner

    def best_fit(self, room):
        """Index of the longest pooled document that fits, or None."""
        sizes = [len(d) - 1 if len(d) - 1 <= room else -1 for d, _ in self.pool]
        best = max(range(len(sizes)), key=sizes.__getitem__)
        return best if sizes[best] > 0 else None

    def batch(self, rows):
        """rows rows -> ids, target, weight (B, T) and mask (B, T, T)."""
        parts = [np.stack(x) for x in zip(*(self.row() for _ in range(rows)))]
        ids, target, weight, owner = map(torch.from_numpy, parts)
        mask = (owner[:, :, None] == owner[:, None, :]).tril()
        return ids, target, weight, mask
