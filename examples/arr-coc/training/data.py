"""Questions about images as batches: from a directory of SageMaker, or made up for tests."""

import json
import pathlib

import torch
from torch.utils.data import Dataset

IGNORED = -100
# Every image is resized to this, so that all have 256 patches: 512 / 16 / 2 in each direction.
SIZE = (512, 512)


class Questions(Dataset):
    """Lines of JSON: the path of an image, a question, an answer."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        lines = (self.directory / "questions.jsonl").read_text().splitlines()
        self.rows = [json.loads(line) for line in lines]

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        return self.rows[index]


def masked(input_ids, attention_mask, prompts):
    """Labels with which only the answer counts: everything up to the prompt's length, and padding, is ignored."""
    labels = input_ids.masked_fill(attention_mask == 0, IGNORED)
    for row, length in enumerate(prompts):
        labels[row, :length] = IGNORED
    return labels


def chat(row, directory):
    from PIL import Image

    image = Image.open(directory / row["image"]).convert("RGB").resize(SIZE)
    content = [{"type": "image", "image": image}, {"type": "text", "text": row["question"]}]
    return [{"role": "user", "content": content}]


def collate(processor, directory):
    """Batches of a processor of Hugging Face, padded at the right."""
    processor.tokenizer.padding_side = "right"
    template = lambda chats, **more: processor.apply_chat_template(
        chats, tokenize=True, return_dict=True, return_tensors="pt", padding=True, **more
    )

    def batch(rows):
        asked = [chat(row, directory) for row in rows]
        answers = [{"role": "assistant", "content": [{"type": "text", "text": row["answer"]}]} for row in rows]
        prompts = [template([one], add_generation_prompt=True)["input_ids"].shape[1] for one in asked]
        inputs = dict(template([[*one, answer] for one, answer in zip(asked, answers)]))
        positions = torch.arange(inputs["input_ids"].shape[1])
        inputs["question_mask"] = torch.stack([(positions < length).long() for length in prompts])
        inputs["question_mask"] *= (inputs["input_ids"] != processor.image_token_id).long()
        return inputs, masked(inputs["input_ids"], inputs["attention_mask"], prompts)

    return batch


class Synthetic(Dataset):
    """Images of noise with one bright patch, in one of four patterns; the answer names the pattern."""

    PATTERNS, SIDE, ASK, FIRST_ANSWER, END = 4, 8, 20, 30, 2

    def __init__(self, config, count, seed=0):
        self.config, self.count = config, count
        self.generator = torch.Generator().manual_seed(seed)
        vision = config.vision_config
        self.values = vision.in_channels * vision.temporal_patch_size * vision.patch_size**2
        self.merged = vision.spatial_merge_size**2
        self.patterns = torch.randn(self.PATTERNS, self.values, generator=self.generator)

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        generator = torch.Generator().manual_seed(index)
        pattern = index % self.PATTERNS
        pixels = torch.randn(self.SIDE**2, self.values, generator=generator) * 0.1
        patches = self.SIDE**2 // self.merged
        position = torch.randint(patches, (1,), generator=generator).item()
        pixels[position * self.merged : (position + 1) * self.merged] += 3 * self.patterns[pattern]
        config = self.config
        prompt = [
            config.vision_start_token_id, *[config.image_token_id] * patches, config.vision_end_token_id,
            self.ASK, self.ASK + 1,
        ]
        return prompt, [self.FIRST_ANSWER + pattern, self.END], pixels

    def batch(self, rows):
        ids = torch.tensor([prompt + answer for prompt, answer, _ in rows])
        asks = torch.zeros_like(ids)
        for row, (prompt, _, _) in enumerate(rows):
            asks[row, len(prompt) - 2 : len(prompt)] = 1
        inputs = {
            "input_ids": ids, "attention_mask": torch.ones_like(ids), "question_mask": asks,
            "pixel_values": torch.cat([pixels for *_, pixels in rows]),
            "image_grid_thw": torch.tensor([[1, self.SIDE, self.SIDE]] * len(rows)),
        }
        return inputs, masked(ids, inputs["attention_mask"], [len(prompt) for prompt, *_ in rows])


def tiny_config():
    """A Qwen3-VL of a few thousand weights."""
    from transformers import Qwen3VLConfig

    return Qwen3VLConfig(
        text_config=dict(
            vocab_size=64, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, head_dim=16, max_position_embeddings=256,
            rope_scaling={"rope_type": "default", "mrope_section": [4, 2, 2], "mrope_interleaved": True},
        ),
        vision_config=dict(
            depth=2, hidden_size=32, intermediate_size=64, num_heads=2, patch_size=4, out_hidden_size=64,
            num_position_embeddings=64, deepstack_visual_indexes=[0],
        ),
        image_token_id=10, video_token_id=11, vision_start_token_id=12, vision_end_token_id=13,
    )
