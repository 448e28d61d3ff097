"""Trains a small model and resumes from the last checkpoint. Replace the model and the data with yours."""

import argparse
import os
from pathlib import Path

import torch

CHECKPOINTS = Path("/opt/ml/checkpoints")


def save(state, path):
    """Writes a file that is either complete or absent."""
    part = path.with_suffix(".part")
    torch.save(state, part)
    os.replace(part, path)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=3)
    arguments = parser.parse_args()

    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = torch.nn.Linear(16, 1).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    first_epoch = 0
    CHECKPOINTS.mkdir(parents=True, exist_ok=True)
    last = CHECKPOINTS / "last.pt"
    if last.exists():
        state = torch.load(last, map_location=device)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        first_epoch = state["epoch"] + 1

    for epoch in range(first_epoch, arguments.epochs):
        inputs = torch.randn(256, 16, device=device)
        loss = torch.nn.functional.mse_loss(model(inputs), inputs.sum(dim=1, keepdim=True))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(f"epoch={epoch} loss={loss.item():.4f}", flush=True)
        save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch}, last)

    save(model.state_dict(), Path(os.environ.get("SM_MODEL_DIR", "/opt/ml/model")) / "model.pt")


if __name__ == "__main__":
    main()
