"""Scores labels for a query by what the prompt says: names, guidance and demonstrations.

All numbers of the models stand in `READERS`; a reply depends on nothing else but the request.
"""

import itertools
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ray_promptopt.llm.embedded.prompt_reading import ReadPrompt, read_prompt
from ray_promptopt.llm.embedded.requests import Turn
from ray_promptopt.llm.embedded.text import STOP_STEMS, ngrams_of, stem, stems_of, words_of
from ray_promptopt.llm.embedded.thesaurus import words_meant

Scores = NDArray[np.float64]
Features = dict[str, float]
_UNREAD = 0.05


@dataclass(frozen=True, slots=True)
class ReaderParameters:
    """One model's published constants. Weights are relative to a perfect match of a name."""

    span_words: int
    """Words of the prompt read at full weight."""
    half_words: int
    """Past the span, attention halves with every so many words."""
    name_words: int
    """Words of a label's name read at full weight; the rest count `late_name_weight`."""
    late_name_weight: float
    ngram_weight: float
    """How much parts of words count beside whole stems."""
    stop_weight: float
    bigram_weight: float
    idf_power: float
    """How well words that many labels share are told from distinctive ones."""
    guidance_weight: float
    plain_weight: float
    """Words of guidance outside quotes, beside quoted cues."""
    doubt: float
    """Guidance shorter than about this many distinctive words is not believed in full."""
    synonym_weight: float
    own_synonym_weight: float
    """Synonyms the model knows itself, thought of when the prompt asks to read for meaning."""
    against_weight: float
    demo_weight: float
    suggestion_weight: float


READERS = {
    "embedded/reader": ReaderParameters(
        span_words=900,
        half_words=400,
        name_words=8,
        late_name_weight=0.5,
        ngram_weight=0.35,
        stop_weight=0.2,
        bigram_weight=1.0,
        idf_power=0.5,
        guidance_weight=0.6,
        plain_weight=0.5,
        doubt=7.0,
        synonym_weight=0.8,
        own_synonym_weight=0.7,
        against_weight=0.3,
        demo_weight=0.7,
        suggestion_weight=0.15,
    ),
    "embedded/reader-nano": ReaderParameters(
        span_words=600,
        half_words=250,
        name_words=2,
        late_name_weight=0.15,
        ngram_weight=0.1,
        stop_weight=0.2,
        bigram_weight=1.0,
        idf_power=0.4,
        guidance_weight=0.6,
        plain_weight=0.4,
        doubt=7.0,
        synonym_weight=0.8,
        own_synonym_weight=0.6,
        against_weight=0.25,
        demo_weight=0.6,
        suggestion_weight=0.15,
    ),
}


@lru_cache(maxsize=512)
def prepare(rest: tuple[Turn, ...], offered: tuple[str, ...], model: str) -> "PreparedPrompt":
    """What a model makes of a conversation without its query, kept for the queries that follow."""
    return PreparedPrompt(read_prompt(rest, offered), READERS[model])


class PreparedPrompt:
    """A prompt turned into arrays: label names, guidance by label, demonstrations."""

    def __init__(self, prompt: ReadPrompt, parameters: ReaderParameters) -> None:
        self.prompt = prompt
        self._p = parameters
        names = [self._name_features(label) for label in prompt.labels]
        guidance = self._guidance_features(attended=True)
        told = self._guidance_features(attended=False)
        vocabulary = _Vocabulary(
            [set(n) | set(g) for n, g in zip(names, guidance, strict=True)], parameters.idf_power
        )
        self._vocabulary = vocabulary
        name_matrix = vocabulary.matrix(names)
        self._names = name_matrix / _lengths(name_matrix, 0.0)
        # What is told counts in the length even where it is barely attended to: it dilutes.
        lengths = _lengths(vocabulary.matrix(told), parameters.doubt)
        self._guidance = vocabulary.matrix(guidance) / lengths
        demos = [self._features(words_of(d.text)) for d in prompt.demonstrations]
        self._demo_vocabulary = _Vocabulary([set(demo) for demo in demos], 1.0)
        attention = np.array([self._attention(d.position) for d in prompt.demonstrations])
        demo_matrix = self._demo_vocabulary.matrix(demos)
        self._demos = demo_matrix / _lengths(demo_matrix, 0.0) * attention
        self._demo_labels = np.array([d.label for d in prompt.demonstrations], dtype=np.intp)
        self._rivals = self._read_rivals()

    def score(self, query: str) -> Scores:
        """One score per label, higher is better."""
        words = words_of(query)
        features = self._features(words)
        self._add_meant(features, words)
        rows, values = self._vocabulary.look_up(features)
        scores = values @ self._names[rows]
        told = self._p.guidance_weight * (values @ self._guidance[rows])
        scores = scores + told - self._p.against_weight * (told @ self._rivals)
        if self._demo_labels.size:
            rows, values = self._demo_vocabulary.look_up(features)
            similar = (values @ self._demos[rows]) ** 2
            best = np.zeros_like(scores)
            np.maximum.at(best, self._demo_labels, similar)
            scores = scores + self._p.demo_weight * best
        for label in self.prompt.suggested:
            scores[label] += self._p.suggestion_weight
        return np.asarray(scores)

    def _add_meant(self, features: Features, words: list[str]) -> None:
        """Add what the prompt says that phrases of the query mean."""
        said = " ".join(["", *map(stem, words), ""])
        for synonym in self.prompt.synonyms:
            if " ".join(["", *synonym.phrase, ""]) in said:
                weight = self._p.synonym_weight * self._attention(synonym.position)
                for name, value in self._features(list(synonym.words)).items():
                    features[name] = max(features.get(name, 0.0), weight * value)

        if self.prompt.by_meaning is not None:
            attention = self._attention(self.prompt.by_meaning)
            for word in words_meant([stem(word) for word in words]):
                name = "w:" + word
                weight = self._p.own_synonym_weight * attention
                features[name] = max(features.get(name, 0.0), weight)

    def _attention(self, position: int) -> float:
        """Full within the span, halving past it; a prompt beyond twice the span blurs it all."""
        beyond = max(0, position - self._p.span_words)
        blur = max(0, self.prompt.num_words - 2 * self._p.span_words) / 4
        attention = float(0.5 ** ((beyond + blur) / self._p.half_words))
        return attention if attention >= _UNREAD else 0.0

    def _guidance_features(self, *, attended: bool) -> list[Features]:
        """Per label, the strongest reading of each feature; what speaks for many counts less."""
        guidance: list[Features] = [{} for _ in self.prompt.labels]
        for statement in self.prompt.statements:
            attention = self._attention(statement.position) if attended else 1.0
            for cue in statement.cues:
                weight = attention * (1.0 if cue.quoted else self._p.plain_weight)
                told = guidance[cue.label]
                for name, value in self._features(list(cue.stems)).items():
                    told[name] = max(told.get(name, 0.0), weight * value)
        return guidance

    def _read_rivals(self) -> NDArray[np.float64]:
        """`rivals[a, b]`: guidance for label a says "not b"."""
        rivals = np.zeros((len(self.prompt.labels), len(self.prompt.labels)))
        for statement in self.prompt.statements:
            for cue in statement.cues:
                for label in cue.against:
                    rivals[cue.label, label] = self._attention(statement.position)
        return rivals

    def _name_features(self, label: str) -> Features:
        words = words_of(label.replace("_", " "))
        features: Features = {}
        for place, word in enumerate(words):
            weight = 1.0 if place < self._p.name_words else self._p.late_name_weight
            for name, value in self._features([word]).items():
                features[name] = max(features.get(name, 0.0), weight * value)
        return features

    def _features(self, words: list[str]) -> Features:
        """Stems, character n-grams of the words, and pairs of neighbouring stems."""
        features: Features = {}
        stems = [stem(word) for word in words]
        for root in stems:
            weight = self._p.stop_weight if root in STOP_STEMS else 1.0
            features["w:" + root] = weight
            for gram in ngrams_of(root):
                features["g:" + gram] = weight * self._p.ngram_weight
        for left, right in itertools.pairwise(stems):
            num_stops = (left in STOP_STEMS) + (right in STOP_STEMS)
            features[f"b:{left} {right}"] = self._p.bigram_weight * (1.0, 0.6, 0.2)[num_stops]
        return features


class _Vocabulary:
    """The features that texts know, each weighted by how few of the texts have it."""

    def __init__(self, texts: list[set[str]], idf_power: float) -> None:
        used_by: dict[str, int] = {}
        for text in texts:
            for name in sorted(text):
                used_by[name] = used_by.get(name, 0) + 1
        self._rows = {name: row for row, name in enumerate(used_by)}
        counts = np.array(list(used_by.values()), dtype=float)
        self._idf = np.maximum(np.log((len(texts) + 1) / (counts + 0.5)), 0.05) ** idf_power

    def matrix(self, texts: list[Features]) -> NDArray[np.float64]:
        """Features by texts."""
        matrix = np.zeros((len(self._rows), len(texts)))
        for column, features in enumerate(texts):
            for name, value in features.items():
                matrix[self._rows[name], column] = value
        return np.asarray(matrix * self._idf[:, None])

    def look_up(self, features: Features) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Rows and unit-length values of the features that are known."""
        known = [(self._rows[name], v) for name, v in features.items() if name in self._rows]
        rows = np.array([row for row, _ in known], dtype=np.intp)
        values = np.array([value for _, value in known]) * self._idf[rows]
        norm = float(np.sqrt((values**2).sum()))
        return rows, values / max(norm, 1e-9)


def _lengths(matrix: NDArray[np.float64], doubt: float) -> NDArray[np.float64]:
    return np.asarray(np.maximum(np.sqrt((matrix**2).sum(axis=0) + doubt**2), 1e-9))


def suggest_from(turns: tuple[Turn, ...], query: str) -> str:
    """Without labels: the sentence of the conversation that is closest to the query."""
    wanted = set(stems_of(query)) - STOP_STEMS
    sentences = [
        sentence.strip()
        for turn in turns
        if turn.role != "system"
        for line in turn.content.split("\n")
        for sentence in line.split(". ")
        if sentence.strip()
    ]
    if not sentences:
        return query or "I have nothing to answer from."
    return max(sentences, key=lambda s: len(wanted & set(stems_of(s))) / (5 + len(stems_of(s))))
