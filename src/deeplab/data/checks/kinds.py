"""All kinds of faults, with what they mean and what to do; names in braces are figures."""

from deeplab.data.findings import Kind

_DROPPED = "left out of the lists"

DESCRIPTION = Kind(
    "description",
    "error",
    "the data set cannot be opened: {problem}",
    "Nothing else could be looked at",
    "Correct this first",
)
EMPTY_SPLIT = Kind(
    "empty-split",
    "error",
    "splits without pictures",
    "There is nothing to learn from, or to score, in them",
    "Correct the folder or the list of the split, or take the split out of data.yaml",
    "the split is left out",
    True,
)
MISSING_PICTURE = Kind(
    "missing-picture",
    "error",
    "pictures that are not there",
    "Training would stop at them",
    "Put the files in place, or take the names out of the list",
    _DROPPED,
    True,
)
MISSING_LABELS = Kind(
    "missing-label-map",
    "error",
    "pictures without a label map",
    "Training would stop at them; a picture without objects needs a label map too, all background",
    "Put the label maps in place (the same name as the picture), or take the names out of the list",
    _DROPPED,
    True,
)
SEVERAL_FILES = Kind(
    "several-files",
    "error",
    "pictures with several files of one name",
    "Only one of them can be the picture, or its label map",
    "Rename the others or move them away",
    _DROPPED,
    True,
)
LONE_LABELS = Kind(
    "label-map-without-picture",
    "warning",
    "label maps without a picture",
    "They are not used; pictures may have been lost, or have other names",
    "Put the pictures in place or delete the label maps",
    "not taken into the copy",
)
LISTED_TWICE = Kind(
    "listed-twice",
    "warning",
    "pictures that stand in their list more than once",
    "They count several times, in training and in scores",
    "Take the repetitions out of the list",
    "listed once",
)
UNREADABLE_PICTURE = Kind(
    "unreadable-picture",
    "error",
    "pictures that cannot be read",
    "Training would stop at them; often a download or a copy was cut short",
    "Fetch these files again, or take them out of the list",
    _DROPPED,
    True,
)
UNREADABLE_LABELS = Kind(
    "unreadable-label-map",
    "error",
    "label maps that cannot be read",
    "Training would stop at them; often a download or a copy was cut short",
    "Fetch these files again, or take them out of the list",
    _DROPPED,
    True,
)
SIZES_DIFFER = Kind(
    "sizes-differ",
    "error",
    "label maps of another size than their pictures",
    "It is not known which pixel has which label; often one of both was shrunk or cropped",
    "Make the label maps anew at the size of the pictures; if only the scale differs, resize them "
    "with nearest neighbour, never smoothly",
    "resized with nearest neighbour where only the scale differs, else left out of the lists",
)
TURNED_LABELS = Kind(
    "label-map-of-unturned-photo",
    "error",
    "label maps drawn on the photo as it is stored, which its EXIF tag turns",
    "Pictures are read upright, so photo and label map would lie across each other",
    "Turn the label maps as the photos, or bake the EXIF rotation into the photos before drawing",
    "photo and label map written upright, without the tag",
)
UNCLEAR_TURN = Kind(
    "exif-unclear",
    "warning",
    "photos turned by an EXIF tag whose size does not tell whether the label map is turned too",
    "Pictures are read upright; label maps that were drawn on the photo as it is stored would lie "
    "upside down",
    "Look at their overlays in the report; where they do not fit, turn the label map",
    "the photo is written upright, without the tag; the label map stays as it is",
)
TURNED_PHOTO = Kind(
    "exif-turned",
    "note",
    "photos turned by an EXIF tag",
    "They are read upright here and their label maps fit; other tools may ignore the tag",
    "Nothing needs to be done",
    "the photo is written upright, without the tag",
)
OUT_OF_RANGE = Kind(
    "ids-out-of-range",
    "error",
    "label maps with values that are no class: {values}",
    "There are {k} classes, with the values {allowed}, and void ({void}); on a GPU such values end "
    "as `device-side assert triggered`",
    "{advice}",
    "these pixels become void; label maps that hold mostly such values are left out",
)
BINARY = Kind(
    "binary-masks",
    "error",
    "label maps that hold 0 and 255 in the place of class ids 0 and 1",
    "255 means void, so training would see nothing but class 0 ({first}) and call every pixel so",
    "Write `values: [0, 255]` into data.yaml, with `classes: [{first}, {second}]` (or divide the "
    "label maps by 255)",
    "255 becomes 1",
)
BINARY_OF_MANY = Kind(
    "binary-masks",
    "error",
    "label maps that hold nothing but 0 and 255, where there are {k} classes",
    "255 means void, so training would see nothing but class 0 ({first})",
    "If there are two classes, name two, and write `values: [0, 255]` into data.yaml; if the masks "
    "of several classes lie in several files, join them into one label map for each picture",
)
SPACED = Kind(
    "spaced-ids",
    "error",
    "label maps that hold {values} in the place of 0..{last}",
    "These look like class ids that were multiplied to make them visible",
    "Write `values: [{values}]` into data.yaml if they are in the order of the classes, or divide "
    "the label maps by {step}",
    "renumbered 0..{last}",
)
OFF_BY_ONE = Kind(
    "off-by-one",
    "error",
    "label maps that count from 1: they hold 1..{k}, and never 0",
    "Label ids are 0..{last}; {k} would be out of range and all others name the class after theirs",
    "Write `values: [1, 2, ..., {k}]` into data.yaml, or subtract 1 from the label maps (not from "
    "void, {void})",
    "1 is subtracted, void stays",
)
COLOUR_MASKS = Kind(
    "colour-masks",
    "error",
    "label maps painted in colours where class ids are meant",
    "A label map holds one class id per pixel (a palette or grey PNG that looks nearly black), no "
    "colours; the colours are {colours}",
    "{advice}",
    "colours of the palette become class ids; label maps in unknown colours are left out",
)
UNKNOWN_COLOURS = Kind(
    "unknown-colours",
    "error",
    "label maps with colours that no class has: {colours}",
    "Pixels of these colours have no meaning; after smooth resizing or JPEG there are many such",
    "Add the missing class, correct `palette`, or name the colour in `void` of data.yaml, as in "
    "`void: [{colour}]`",
    "these pixels become void (blurred ones the nearest class); label maps with more than half of "
    "such pixels are left out",
)
RESORTED = Kind(
    "resorted-palette",
    "error",
    "label maps whose palette was sorted anew",
    "They look right, but their indices are those of other classes: an image tool that saved them "
    "renumbered the colours",
    "Save them with the palette of the classes in its order",
    "renumbered by their colours",
)
GREY_IN_COLOUR = Kind(
    "grey-masks-in-colour",
    "error",
    "grey label maps that were saved in colour (RGB)",
    "All three channels are the same; a label map has one",
    "Save one channel as a grey PNG",
    "one channel is kept",
)
ALPHA = Kind(
    "alpha-masks",
    "error",
    "label maps with an alpha channel ({alpha})",
    "A label map has one channel, of class ids",
    "Save the channel that holds the labels as a grey PNG",
    "the channel that holds the labels is kept",
)
WIDE = Kind(
    "wide-masks",
    "note",
    "label maps of 16 bits",
    "They are read as they are; for {k} classes 8 bits are enough, and other tools expect them",
    "Nothing needs to be done",
    "written with 8 bits",
)
LONG = Kind(
    "long-masks",
    "error",
    "label maps of 32 bits or of floating-point numbers",
    "Label maps are read with 8 or 16 bits",
    "Save them as grey PNG of 8 bits",
    "written with as many bits as the classes need",
)
JPEG = Kind(
    "jpeg-masks",
    "error",
    "label maps that are JPEG files",
    "JPEG blurs values and colours, so that at every boundary other classes appear",
    "Export the label maps again as PNG; the lost boundaries cannot be had back from JPEG",
    "snapped to the nearest class where the classes lie far enough apart (pixels in between become "
    "void), else left out of the lists",
)
BLURRED = Kind(
    "blurred-masks",
    "error",
    "label maps with smooth edges",
    "They were resized smoothly or drawn with anti-aliasing: values in between are no classes",
    "Export them without smoothing, or resize the originals with nearest neighbour",
    "snapped to the nearest class (pixels in between become void)",
)
ALL_VOID = Kind(
    "all-void",
    "warning",
    "label maps that are void everywhere",
    "Nothing can be learnt from them, or scored",
    "Take them out of the lists, or label them",
    _DROPPED,
    True,
)
ALL_BACKGROUND = Kind(
    "all-background",
    "note",
    "label maps that hold nothing but class 0 ({first}), of {total}",
    "That is right for pictures without objects; wrong for pictures that nobody has labelled yet",
    "Look at some of them in the report",
)
NEVER = Kind(
    "class-never-occurs",
    "warning",
    "classes without a single pixel in {split}: {classes}",
    "{meaning}",
    "Take them out of the classes, add pictures that show them, or make the splits anew",
)
RARE = Kind(
    "class-nearly-never-occurs",
    "warning",
    "classes that hardly occur in {split}: {classes}",
    "Their scores will be low and change much from run to run",
    "Add pictures that show them, join them with a similar class, or train with "
    "`class_weights: auto`",
)
SHARED = Kind(
    "picture-in-two-splits",
    "warning",
    "pictures of {split} that are in {other} too",
    "Scores on pictures that were learnt by heart say nothing about new ones",
    "Take them out of one of both",
    "taken out of {split}",
    True,
)
NEAR_SHARED = Kind(
    "near-duplicates",
    "warning",
    "pictures of {split} that are nearly the same as one of {other}",
    "Frames of one video or copies in another size: scores on them say little about new pictures",
    "Look at them in the report, and keep each group in one split (`deeplab data init` makes such "
    "splits)",
    "taken out of {split}",
    True,
)
REPEATED = Kind(
    "repeated-picture",
    "warning",
    "pictures that are pixel for pixel the same as another one of their split",
    "They count several times, in training and in scores; if their label maps differ, one is wrong",
    "Keep one of each",
    "the first is kept",
    True,
)
ODD_SIZE = Kind(
    "odd-size",
    "warning",
    "pictures far larger or smaller than the rest (longest side {median} as a rule)",
    "Objects have another size in them than the network learns; thumbnails are often by mistake",
    "Bring them to the size of the rest, or take them out",
)
