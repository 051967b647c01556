"""clinometer as a metric backend: embeddings in, exact ranks and lists out. No texts, no models.

python examples/metric_backend.py
"""

import numpy as np

import clinometer as cm

rng = np.random.default_rng(0)
documents = rng.standard_normal((20_000, 128), dtype=np.float32)
languages = rng.choice(["en", "de", "zh"], len(documents), p=[0.8, 0.1, 0.1])

# Each query has two relevant documents, and is close to both.
relevant = [rng.choice(len(documents), 2, replace=False) for _ in range(200)]
queries = np.stack([documents[rows].sum(axis=0) for rows in relevant]) + rng.standard_normal((200, 128)) * 2

scan = cm.scan(queries, documents, relevant, languages, k=10)
ranks = scan.ranks.ranks()
print("mean rank in the whole pool:", ranks.mean())
print("share of relevant documents among the first ten:", (ranks <= 10).mean())
for label in scan.ranks.languages:
    alone = scan.ranks.ranks([label])
    print(f"mean rank among the {label} documents only:", alone[alone > 0].mean())
print("the best documents of the first query:", scan.top.ids[0].tolist())
