"""The model card: what a model is, takes, gives, can learn and costs; as data, as JSON and as text.

data        the dataclasses; `to_dict` of a card is what `pyruntime describe --json` prints
read        a card from a file's messages, also for models that cannot run here
networks    layers and weights of the networks inside
running     what a prediction takes on this machine: units, memory
text        the card for people
"""

from pyruntime.card.data import ModelCard, NetworkCard, RunCard
from pyruntime.card.read import model_card
from pyruntime.card.text import card_text

__all__ = ["ModelCard", "NetworkCard", "RunCard", "card_text", "model_card"]
