"""Fine-tunes a vision-language model. Accelerate finds the sharding strategy in the environment."""

import argparse
import json
import os
import pathlib

import torch
from accelerate import Accelerator
from torch.utils.data import DataLoader, Dataset
from transformers import AutoModelForImageTextToText, AutoProcessor

CHECKPOINTS = pathlib.Path("/opt/ml/checkpoints")


class Questions(Dataset):
    """Lines of JSON: the path of an image, a question, an answer."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        lines = (self.folder / "questions.jsonl").read_text().splitlines()
        self.rows = [json.loads(line) for line in lines]

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        return self.rows[index]


def collate(processor, folder):
    def batch(rows):
        chats = [
            [
                {
                    "role": "user",
                    "content": [
                        {"type": "image", "path": str(folder / row["image"])},
                        {"type": "text", "text": row["question"]},
                    ],
                },
                {"role": "assistant", "content": [{"type": "text", "text": row["answer"]}]},
            ]
            for row in rows
        ]
        inputs = processor.apply_chat_template(
            chats, tokenize=True, return_dict=True, return_tensors="pt", padding=True
        )
        inputs["labels"] = inputs["input_ids"].masked_fill(inputs["attention_mask"] == 0, -100)
        return inputs

    return batch


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--batch_size", type=int, required=True, help="over all accelerators")
    parser.add_argument("--learning_rate", type=float, required=True)
    parser.add_argument("--epochs", type=int, required=True)
    arguments, _ = parser.parse_known_args()

    accelerator = Accelerator()
    processor = AutoProcessor.from_pretrained(arguments.model)
    model = AutoModelForImageTextToText.from_pretrained(arguments.model, dtype=torch.bfloat16)
    optimizer = torch.optim.AdamW(model.parameters(), lr=arguments.learning_rate)
    data = Questions(os.environ["SM_CHANNEL_TRAIN"])
    loader = DataLoader(
        data,
        batch_size=max(1, arguments.batch_size // accelerator.num_processes),
        shuffle=True,
        collate_fn=collate(processor, data.folder),
    )
    model, optimizer, loader = accelerator.prepare(model, optimizer, loader)

    # A spot job that was interrupted goes on after the last epoch that it finished.
    finished = sorted(CHECKPOINTS.glob("epoch-*"), key=lambda path: int(path.name.partition("-")[2]))
    first = 0
    if finished:
        accelerator.load_state(str(finished[-1]))
        first = int(finished[-1].name.partition("-")[2]) + 1
    for epoch in range(first, arguments.epochs):
        for step, batch in enumerate(loader):
            loss = model(**batch).loss
            accelerator.backward(loss)
            optimizer.step()
            optimizer.zero_grad()
            if step % 10 == 0:
                accelerator.print(f"epoch={epoch} step={step} loss={loss.item():.4f}")
        accelerator.save_state(str(CHECKPOINTS / f"epoch-{epoch}"))

    accelerator.wait_for_everyone()
    folder = os.environ["SM_MODEL_DIR"]
    state = accelerator.get_state_dict(model)
    accelerator.unwrap_model(model).save_pretrained(
        folder, is_main_process=accelerator.is_main_process, save_function=accelerator.save, state_dict=state
    )
    if accelerator.is_main_process:
        processor.save_pretrained(folder)


if __name__ == "__main__":
    main()
