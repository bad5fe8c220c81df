"""Read a model's metadata with tflite-support; runs in `.venv-readers`, prints JSON.

Words: MODEL [PICTURE]. With a picture the Task Library classifies it as well.
"""

import json
import sys

from tflite_support import metadata  # type: ignore[import-not-found]


def main(model: str, picture: str | None = None) -> None:
    displayer = metadata.MetadataDisplayer.with_model_file(model)
    files = displayer.get_packed_associated_file_list()
    result = {
        "metadata": json.loads(displayer.get_metadata_json()),
        "files": {name: displayer.get_associated_file_buffer(name).decode() for name in files},
    }
    if picture:
        from tflite_support.task import core, processor, vision  # type: ignore[import-not-found]

        options = vision.ImageClassifierOptions(
            core.BaseOptions(file_name=model), processor.ClassificationOptions(max_results=5)
        )
        classifier = vision.ImageClassifier.create_from_options(options)
        found = classifier.classify(vision.TensorImage.create_from_file(picture))
        result["top"] = [c.category_name for c in found.classifications[0].categories]
        result["scores"] = [c.score for c in found.classifications[0].categories]
    sys.stdout.write(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
