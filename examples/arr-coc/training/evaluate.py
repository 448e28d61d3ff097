"""Answers the validation questions and writes the share of right answers."""

import json
import pathlib
import subprocess
import sys
import tarfile

INPUT = pathlib.Path("/opt/ml/processing/input")
OUTPUT = pathlib.Path("/opt/ml/processing/output/evaluation")


def main():
    subprocess.check_call([sys.executable, "-m", "pip", "install", "--quiet", "transformers>=4.57"])
    import torch
    from transformers import AutoModelForImageTextToText, AutoProcessor

    with tarfile.open(INPUT / "model" / "model.tar.gz") as archive:
        archive.extractall("/tmp/model", filter="data")
    processor = AutoProcessor.from_pretrained("/tmp/model")
    model = AutoModelForImageTextToText.from_pretrained("/tmp/model", dtype=torch.bfloat16).cuda().eval()
    folder = INPUT / "validation"
    rows = [json.loads(line) for line in (folder / "questions.jsonl").read_text().splitlines()]
    right = 0
    for row in rows:
        image = {"type": "image", "path": str(folder / row["image"])}
        chat = [{"role": "user", "content": [image, {"type": "text", "text": row["question"]}]}]
        inputs = processor.apply_chat_template(
            chat, tokenize=True, return_dict=True, return_tensors="pt", add_generation_prompt=True
        ).to("cuda")
        with torch.inference_mode():
            tokens = model.generate(**inputs, max_new_tokens=32)
        answer = processor.decode(tokens[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        right += answer.strip().lower() == row["answer"].strip().lower()
    OUTPUT.mkdir(parents=True, exist_ok=True)
    (OUTPUT / "evaluation.json").write_text(json.dumps({"accuracy": right / max(1, len(rows))}))


if __name__ == "__main__":
    main()
