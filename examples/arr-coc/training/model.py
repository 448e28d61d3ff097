"""A vision-language model that sees the most relevant patches of an image only."""

import torch
from torch import nn

from scorers import FEATURES, Scorers, allocate


class ArrCoc(nn.Module):
    """A model of Hugging Face Transformers of the kind Qwen3-VL, with relevance scorers between image and language.

    The scorers see the image's patches and the question as 64 features each. The patches that get no token are hidden
    from the language model: their embeddings are gated, and the attention mask leaves them out.
    """

    def __init__(self, base, visual_tokens):
        super().__init__()
        self.base = base
        self.visual_tokens = visual_tokens
        width = base.config.text_config.hidden_size
        self.patch_features = nn.Linear(width, FEATURES)
        self.query_features = nn.Linear(width, FEATURES)
        self.scorers = Scorers()

    def relevance(self, patches, question):
        """The relevance of patches [images, patches, width] for a question [images, width]."""
        dtype = self.patch_features.weight.dtype
        return self.scorers(self.patch_features(patches.to(dtype)), self.query_features(question.to(dtype)))

    def gated(self, batch):
        """Gates the patches of a batch. All images of a batch have the same number of patches."""
        inner = self.base.model
        images, deepstack = type(inner).get_image_features(inner, batch["pixel_values"], batch["image_grid_thw"])
        patches = torch.stack(list(images))
        placeholders = batch["input_ids"] == self.base.config.image_token_id
        asks = (batch["question_mask"] == 1).unsqueeze(-1)
        words = inner.get_input_embeddings()(batch["input_ids"])
        question = (words * asks).sum(1) / asks.sum(1).clamp(min=1)
        gates = allocate(self.relevance(patches, question), self.visual_tokens).to(patches.dtype)
        flat = gates.reshape(-1, 1)
        attention = batch["attention_mask"].clone()
        attention[placeholders] = (flat.detach().squeeze(-1) > 0.5).to(attention.dtype)
        return patches.flatten(0, 1) * flat, [layer * flat for layer in deepstack], attention

    def forward(self, batch, labels=None):
        patches, deepstack, attention = self.gated(batch)
        inner = self.base.model
        positions, _ = inner.get_rope_index(
            batch["input_ids"], batch["image_grid_thw"], attention_mask=batch["attention_mask"]
        )
        # The model asks for its image features in `forward`: these are the gated ones.
        inner.get_image_features = lambda *_: ((patches,), deepstack)
        try:
            return self.base(
                input_ids=batch["input_ids"], attention_mask=attention, position_ids=positions,
                pixel_values=batch["pixel_values"], image_grid_thw=batch["image_grid_thw"], labels=labels,
            )
        finally:
            del inner.get_image_features

    @torch.no_grad()
    def answer(self, batch, most_tokens, end):
        """The most probable answer to one question, token by token, up to the token `end`."""
        made = []
        for _ in range(most_tokens):
            logits = self(batch).logits[:, -1]
            # Images are in the question only.
            logits[:, self.base.config.image_token_id] = -torch.inf
            token = logits.argmax(-1, keepdim=True)
            if token.item() == end:
                break
            made.append(token.item())
            batch = {**batch, "input_ids": torch.cat([batch["input_ids"], token], 1)}
            for name, value in (("attention_mask", 1), ("question_mask", 0)):
                batch[name] = torch.cat([batch[name], torch.full_like(token, value)], 1)
        return made
