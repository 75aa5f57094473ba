"""The named conventions of mel spectrograms.

All have a periodic Hann window, magnitudes rather than powers, and librosa's filter bank (Slaney's scale and area).
"""

from __future__ import annotations

import math

from lumina.values import MelConvention

MAKE_AN_AUDIO = MelConvention(
    name="make_an_audio", rate=16_000, bands=80, fft=1024, hop=256, low=0, high=8000, inside=1e-9
)
"""Make-An-Audio 1 to 3 and their BigVGAN."""
SPEECH_T5 = MelConvention(
    name="speech_t5", rate=16_000, bands=80, fft=1024, hop=256, low=80, high=7600, centred=True, floor=1e-10
)
"""transformers' SpeechT5FeatureExtractor and its HiFi-GAN."""
AUDIO_LDM = MelConvention(name="audio_ldm", rate=16_000, bands=64, fft=1024, hop=160, low=0, high=8000, base=math.e)
"""AudioLDM, which also removes a sound's mean and scales its peak to 0.5."""
MM_AUDIO = MelConvention(
    name="mm_audio", rate=16_000, bands=80, fft=1024, hop=256, low=0, high=8000, inside=1e-9, base=math.e
)
"""MMAudio at 16 kHz: Make-An-Audio's with the natural logarithm."""
MM_AUDIO_44K = MelConvention(
    name="mm_audio_44k", rate=44_100, bands=128, fft=2048, hop=512, low=0, high=22_050, inside=1e-9, base=math.e
)
"""MMAudio at 44.1 kHz, and NVIDIA's BigVGAN v2."""

CONVENTIONS = {
    convention.name: convention for convention in (MAKE_AN_AUDIO, SPEECH_T5, AUDIO_LDM, MM_AUDIO, MM_AUDIO_44K)
}
