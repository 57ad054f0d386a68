#!/bin/sh
# The bundled models from nothing: about fourteen hours of one processor core, and 4½ for heatmap-m.
#
#   scripts/train_release.sh /faces made/ [setting=value ...]
#
# /faces holds 300w, aflw (with merl_rav_68.csv, images in flickr/), lfw5 (LFW in CelebA's layout) and
# ytf68 (training.csv). Settings such as train.threads=2 go to every run. What is there is not made
# again, and a run that was stopped goes on. Needs the "train" extra. heatmap-m also needs the extra
# "pretrained", photos of faces in /faces/further, photos without any in /faces/empty, and in
# MESH_PYTHON a Python with mediapipe 0.10.21; without MESH_PYTHON it is left out.
set -eu
faces=$(cd "$1" && pwd)
mkdir -p "$2"
made=$(cd "$2" && pwd)
shift 2
here=$(dirname "$0")
release=$here/../src/facealign/configs/release

boxes() { # NAME ARGUMENTS: a table of faces, framed by the detector
  table=$made/$1.csv
  shift
  [ -e "$table" ] || python "$here/labels/box_faces.py" "$1" "$2" "$3" "$table" $4
}

labels() { # RUN NAME FOLDER ARGUMENTS: the same faces with 68 points by what a run made
  model=$made/$1.onnx
  name=$2
  folder=$3
  table=$made/${2}68-$1.csv
  shift 3
  [ -e "$table" ] || python "$here/labels/label_faces.py" "$made/$name.csv" "$table" \
    --images "$folder" --model "$model" "$@"
}

further() { # RUN: `more` are the settings of all further faces, labelled by what a run made
  labels "$1" lfw "$faces/lfw5" --markup celeba5 --apart 0.045
  labels "$1" ytf "$faces/ytf68"
  labels "$1" aflw "$faces/aflw" --markup aflw19 --without "$made/merl.csv"
  more="$merl
    further.1.root=$made/lfw68-$1.csv further.1.options.images=$faces/lfw5
    further.2.root=$made/ytf68-$1.csv further.2.options.images=$faces/ytf68
    further.3.root=$made/aflw68-$1.csv further.3.options.images=$faces/aflw"
}

train() { # CONFIG SETTINGS: its run, and an ONNX file, of what is bundled in 8-bit integers
  run=$made/$1
  config=$release/$1.toml
  case $1 in *-scores | *-aflw19 | heatmap-m) form=--int8 ;; *) form="" ;; esac
  shift
  facealign train "$config" --run "$run" "$@"
  facealign export "$run" -o "$run.onnx" $form
}

boxes merl csv "$faces/aflw/merl_rav_68.csv" train images=flickr
boxes aflw aflw "$faces/aflw" train training_faces=2148
boxes lfw celeba "$faces/lfw5" train ""
boxes ytf csv "$faces/ytf68/training.csv" all images=training
merl="further.0.root=$made/merl.csv further.0.options.images=$faces/aflw"

train aan-m-first data.root="$faces/300w" $merl "$@"
train aan-s-first data.root="$faces/300w" $merl "$@"

further aan-m-first
train aan-m-second data.root="$faces/300w" $more train.start="$made/aan-m-first/best.pt" "$@"
train aan-s-second data.root="$faces/300w" $more train.start="$made/aan-s-first/best.pt" "$@"

further aan-m-second
train aan-m-third data.root="$faces/300w" $more train.start="$made/aan-m-second/best.pt" "$@"
train aan-s-third data.root="$faces/300w" $more train.start="$made/aan-s-second/best.pt" "$@"

further aan-m-third
train aan-s-fourth data.root="$faces/300w" $more train.start="$made/aan-s-third/best.pt" "$@"
train teacher data.root="$faces/300w" $more train.start="$made/aan-m-third/best.pt" "$@"

further teacher
train aan-m data.root="$faces/300w" $more train.start="$made/aan-m-third/best.pt" "$@"
train aan-s data.root="$faces/300w" $more train.start="$made/aan-s-fourth/best.pt" "$@"

for name in aan-m aan-s; do # these runs are what is bundled, and aan-m-aflw19
  train $name-scores data.root="$faces/300w" $merl train.start="$made/$name/best.pt" "$@"
done
train aan-m-aflw19 data.root="$faces/aflw" data.options.training_faces=2148 \
  train.start="$made/aan-m/best.pt" "$@"

[ -n "${MESH_PYTHON-}" ] || exit 0
mesh() { # TABLE FOLDER: MediaPipe's mesh of a table's faces
  [ -e "$made/$1.npz" ] || "$MESH_PYTHON" "$here/labels/mesh_faces.py" "$made/$1.csv" --images "$2" -o "$made/$1.npz"
}
two() { # NAME LABELLED-BY...: the further faces, labelled by these models and by the mesh
  name=$1
  shift
  [ -e "$made/$name.csv" ] || (cd "$faces" && facealign label further/ "$@" -o "$made/$name.csv")
  mesh "$name" "$faces"
  [ -e "$made/two-$name.csv" ] || python "$here/labels/average_labels.py" "$made/$name.csv" "$made/$name.npz" \
    "$made/two-$name.csv" --learn "$made/w300.csv" "$made/w300.npz"
  more="$merl further.1.root=$made/two-$name.csv further.1.options.images=$faces"
}
boxes w300 300w "$faces/300w" train ""
# Three of these photos are in the common test set, too; the mesh must not learn from them either.
sed -i '\#^lfpw/trainset/image_0\(215\|828\|862\)\.#d' "$made/w300.csv"
mesh w300 "$faces/300w"
two further --model aan-m
train heatmap-m-first data.root="$faces/300w" $more "$@"
train heatmap-m-second data.root="$faces/300w" $more train.start="$made/heatmap-m-first/best.pt" "$@"

two again --model "$made/heatmap-m-second.onnx" --model aan-m --looks 2
none() { # NAME FOLDER ARGUMENTS: boxes without a face
  table=$made/$1.csv
  folder=$2
  shift 2
  [ -e "$table" ] || python "$here/labels/box_backgrounds.py" "$folder" -o "$table" "$@"
}
none empty "$faces/empty" --empty
none beside "$faces/further" --squares 2 --every 4
train heatmap-m data.root="$faces/300w" $more further.2.root="$made/empty.csv" \
  further.3.root="$made/beside.csv" train.start="$made/heatmap-m-second/best.pt" "$@"
