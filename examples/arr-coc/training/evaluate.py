"""A processing job: answers the validation questions and writes the share of right answers."""

import json
import pathlib
import sys
import tarfile

import torch

from data import Questions, chat
from model import ArrCoc

ROOT = pathlib.Path("/opt/ml/processing")


def load(directory, visual_tokens):
    """The model that train.py saved, and its processor."""
    from transformers import AutoModelForImageTextToText, AutoProcessor

    base = AutoModelForImageTextToText.from_pretrained(directory, dtype=torch.bfloat16)
    model = ArrCoc(base, visual_tokens)
    model.load_state_dict(torch.load(directory / "arr_coc.pt", weights_only=True), strict=False)
    return model.cuda().eval(), AutoProcessor.from_pretrained(directory)


def main(visual_tokens):
    directory = pathlib.Path("/tmp/model")
    with tarfile.open(ROOT / "input/model/model.tar.gz") as archive:
        archive.extractall(directory, filter="data")
    model, processor = load(directory, visual_tokens)
    questions = Questions(ROOT / "input/validation")
    right = 0
    for row in questions.rows:
        batch = processor.apply_chat_template(
            chat(row, questions.directory), tokenize=True, return_dict=True, return_tensors="pt",
            add_generation_prompt=True,
        ).to("cuda")
        batch = {**batch, "question_mask": (batch["input_ids"] != processor.image_token_id).long()}
        tokens = model.answer(batch, 32, processor.tokenizer.eos_token_id)
        right += processor.decode(tokens, skip_special_tokens=True).strip().lower() == row["answer"].strip().lower()
    output = ROOT / "output/evaluation"
    output.mkdir(parents=True, exist_ok=True)
    (output / "evaluation.json").write_text(json.dumps({"accuracy": right / max(1, len(questions))}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
