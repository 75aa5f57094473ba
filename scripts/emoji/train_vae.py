"""Trains the small image VAE of the emoji model: 64 x 64 x 3 pixels to 16 x 16 x 4 latents, in diffusers' format.

    python scripts/emoji/train_vae.py FOLDER [minutes]

The held-out emoji's reconstruction error is printed. A folder that holds a VAE already keeps its encoder, so that
latents stay valid, and its decoder alone is trained further.
"""

from __future__ import annotations

import io
import sys
import time
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from PIL import Image
from pyarrow import parquet
from torch import Tensor
from torch.nn import functional as F

from lumina.pictures.reading import to_tensor

DATA = Path(__file__).parents[2] / "datamodules/data/fluent_emoji"
KL_WEIGHT = 1e-4
CROP = 32
BATCH = 16
RATE = 2e-3


def main(folder: Path, minutes: float) -> None:
    """Trains for ``minutes`` and writes the VAE with the scale that gives its latents unit variance."""
    torch.manual_seed(0)
    train, validation = _images("train"), _images("test")
    vae = _vae(folder)
    optimizer = torch.optim.AdamW((p for p in vae.parameters() if p.requires_grad), RATE, fused=True)
    start, step = time.monotonic(), 0
    while (done := (time.monotonic() - start) / (60 * minutes)) < 1:
        optimizer.param_groups[0]["lr"] = RATE * min(1.0, step / 50, 3 * (1 - done) + 0.01)
        loss = _loss(vae, _crops(train))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
        optimizer.step()
        step += 1
        if step % 300 == 0:
            print(
                f"{done:.0%} step {step} loss {loss.item():.4f} held-out PSNR {_psnr(vae, validation):.2f} dB",
                flush=True,
            )
            vae.save_pretrained(folder)
    if vae.encoder.conv_in.weight.requires_grad:
        with torch.no_grad():
            latents = torch.cat([vae.encode(part).latent_dist.mode() for part in train.split(64)])
        vae.register_to_config(scaling_factor=round(1 / latents.std().item(), 5))
    vae.save_pretrained(folder)
    print(f"{step} steps, scaling {vae.config.scaling_factor}, held-out PSNR {_psnr(vae, validation):.2f} dB")


def _images(split: str) -> Tensor:
    rows = parquet.read_table(DATA / f"{split}.parquet")["image"].to_pylist()
    return torch.stack([to_tensor(Image.open(io.BytesIO(data)).convert("RGB")) for data in rows])


def _vae(folder: Path) -> AutoencoderKL:
    if (folder / "config.json").is_file():
        vae = AutoencoderKL.from_pretrained(folder)
        vae.encoder.requires_grad_(False)
        vae.quant_conv.requires_grad_(False)
    else:
        vae = AutoencoderKL(
            block_out_channels=(24, 48, 64),
            down_block_types=("DownEncoderBlock2D",) * 3,
            up_block_types=("UpDecoderBlock2D",) * 3,
            layers_per_block=1,
            latent_channels=4,
            norm_num_groups=8,
            sample_size=64,
            mid_block_add_attention=False,
        )
    return vae.to(memory_format=torch.channels_last)


def _crops(images: Tensor) -> Tensor:
    """Random crops of random emoji, half of them mirrored."""
    chosen = images[torch.randint(len(images), (BATCH,))]
    tops, lefts = torch.randint(images.shape[-1] - CROP + 1, (2, BATCH)).tolist()
    crops = torch.stack(
        [image[:, top : top + CROP, left : left + CROP] for image, top, left in zip(chosen, tops, lefts, strict=True)]
    )
    crops[: BATCH // 2] = crops[: BATCH // 2].flip(-1)
    return crops


def _loss(vae: AutoencoderKL, images: Tensor) -> Tensor:
    posterior = vae.encode(images).latent_dist
    output = vae.decode(posterior.sample()).sample
    error = F.l1_loss(output, images)
    for _ in range(2):  # edges count at several scales
        for axis in (-1, -2):
            error = error + F.l1_loss(output.diff(dim=axis), images.diff(dim=axis))
        output, images = F.avg_pool2d(output, 2), F.avg_pool2d(images, 2)
    return error + KL_WEIGHT * posterior.kl().mean() / 256


@torch.no_grad()
def _psnr(vae: AutoencoderKL, images: Tensor) -> float:
    output = vae.decode(vae.encode(images).latent_dist.mode()).sample.clamp(-1, 1)
    return float(10 * torch.log10(4 / F.mse_loss(output, images)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 30)
