import io

import av
import numpy as np
import pytest

from s2i_tf import spec


@pytest.fixture(scope="session")
def make_video():
    """A video of a sound, black for a second and white from then on."""

    def make(waveform, width=128, height=64, container="mp4"):
        file = io.BytesIO()
        with av.open(file, "w", format=container) as output:
            video = output.add_stream("libx264", rate=25)
            video.width, video.height, video.pix_fmt = width, height, "yuv420p"
            audio = output.add_stream("aac", rate=spec.SAMPLE_RATE_HZ, layout="mono")
            for number in range(round(25 * waveform.size / spec.SAMPLE_RATE_HZ)):
                picture = np.full((height, width, 3), 255 if number >= 25 else 0, np.uint8)
                output.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            output.mux(video.encode(None))
            samples = (waveform / spec.WAVEFORM_SCALE).astype(np.float32)[None]
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = spec.SAMPLE_RATE_HZ, 0
            fifo = av.AudioFifo()
            fifo.write(frame)
            while part := fifo.read(1024, partial=True):
                output.mux(audio.encode(part))
            output.mux(audio.encode(None))
        return file.getvalue()

    return make
