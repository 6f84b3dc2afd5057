"""What a run keeps of what it has learnt: scores on the validation pictures, and checkpoints."""

from deeplab.data import SegmentationData
from deeplab.data.stream import CropStream
from deeplab.evaluation import Scores, evaluate
from deeplab.inference import Segmenter
from deeplab.inference.torch_engine import TorchEngine
from deeplab.labels import LabelSet
from deeplab.models import save_checkpoint
from deeplab.network_card import NetworkCard
from deeplab.training.arithmetic import arithmetic
from deeplab.training.report import Reporter
from deeplab.training.run import Run
from deeplab.training.run_state import Learner, RunState, save_state


class Keeper:
    """Scores and saves what has been learnt so far.

    Args:
        run: What is trained, and where it is kept.
        stream: What it learns from.
        label_set: The classes.
        learner: What learns.
    """

    def __init__(self, run: Run, stream: CropStream, label_set: LabelSet, learner: Learner) -> None:
        self._run = run
        self._stream = stream
        self._label_set = label_set
        self._learner = learner
        self._precision = arithmetic(run.train)

    def validate(self, data: SegmentationData, state: RunState, reporter: Reporter) -> None:
        """Score the validation pictures; the best so far is kept as `best.safetensors`."""
        network = self._learner.learnt.eval()
        autocast = self._precision != "32-true"
        segmenter = Segmenter(TorchEngine(network, self._card(state), autocast=autocast))
        with reporter.pause():
            scores = evaluate(segmenter, data)
            reporter.validation(state.step, scores, segmenter, data)
        if scores.mean_iou > state.best_mean_iou:
            state.best_mean_iou = scores.mean_iou
            self._keep("best.safetensors", self._card(state, scores))

    def keep_last(self, state: RunState) -> None:
        """Write `last.pt`, to go on from, and `last.safetensors`, to use."""
        save_state(self._run.run_dir / "last.pt", state, self._learner)
        self._keep("last.safetensors", self._card(state))

    def _card(self, state: RunState, scores: Scores | None = None) -> NetworkCard:
        sources = ", ".join(f"{source.root.name}/{source.split}" for source in self._run.data.train)
        provenance = {
            "data": f"{len(self._stream.samples)} pictures of {sources}",
            "iterations": f"{state.step} of {self._run.train.iterations}",
        }
        if state.class_weights is not None:
            provenance["class weights"] = ", ".join(f"{one:g}" for one in state.class_weights)
        if scores is not None:
            provenance["validation mIoU"] = f"{scores.mean_iou:.4f}"
        return NetworkCard(
            name=self._run.name,
            class_names=self._label_set.class_names,
            palette=self._label_set.palette,
            output_stride=self._run.model.output_stride,
            recipe=self._run.recipe_yaml,
            provenance=provenance,
            longest_side=self._stream.longest_side_px,
            num_bands=self._run.model.in_channels,
            preprocessing=self._learner.network.preprocessing,
        )

    def _keep(self, file_name: str, card: NetworkCard) -> None:
        save_checkpoint(
            self._run.run_dir / file_name,
            self._learner.learnt.state_dict(),
            config=self._run.model,
            card=card,
        )
