/** Facial landmarks in the browser. Left and right are the subject's; pixels from the centre of the top-left one. */

export type Source =
  | Blob
  | ImageBitmap
  | ImageData
  | HTMLImageElement
  | HTMLCanvasElement
  | HTMLVideoElement
  | OffscreenCanvas;

/** x, y in pixels. */
export type Point = [number, number];
/** x0, y0, x1, y1 in pixels. */
export type Box = [number, number, number, number];

export interface Options {
  /** A name in `(await load()).models`; the default model unless given. */
  model?: string;
  /** One face is aligned in each, and no detector runs. */
  boxes?: Box[];
  /** Also return the attention maps. */
  attention?: boolean;
  /** Side of the smallest face to look for, in pixels. */
  minFace?: number;
  /** At most that many faces, the most certain. */
  maxFaces?: number;
}

export interface AttentionMap {
  stage: number;
  /** Values a row. */
  side: number;
  /** side × side values in 0 … 1, by rows, over the face's `crop`. */
  values: Float32Array;
}

export interface Face {
  box: Box;
  /** The detector's score, 0 … 1; 1 for a box that was given. */
  score: number;
  /** How likely it is, 0 … 1, that this is a face and its points are right: see the documents. */
  confidence?: number;
  markup: string;
  landmarks: Point[];
  scores?: number[];
  visible?: boolean[];
  /** Degrees. */
  pose: { yaw: number; pitch: number; roll: number };
  /** Height over width; null where the point scheme has no outline. */
  measures: {
    eye_openness_right: number | null;
    eye_openness_left: number | null;
    mouth_openness: number | null;
  };
  /** What the network saw: a 2 × 3 matrix from image to crop pixels, and the crop's side. */
  crop: { matrix: number[][]; size: number };
  attention?: AttentionMap[];
}

export interface ImageResult {
  source: string;
  width: number | null;
  height: number | null;
  faces: Face[];
  error: string | null;
}

export interface Markup {
  count: number;
  names: string[];
  groups: Record<string, number[]>;
  closed: string[];
  eye_corners: [number, number] | null;
}

export interface Settings {
  version: string;
  default: string;
  models: Record<string, { file: string; markup: string; bytes: number; terms: string; attention_stages: number[] }>;
  markups: Record<string, Markup>;
}

export interface TrackerOptions {
  /** "live" filters the landmarks by what came before; "none" leaves them as found. */
  smoothing?: "live" | "none";
  /** 2, the default: each face is the mean of two crops, steadier for twice the network's time. */
  looks?: 1 | 2;
  /** true, the default: a face of which all moves alike is moved along for up to 0.15 s, unseen by
   * the network, where "live" filters it; false: the network looks at each in every frame. */
  carry?: boolean;
  /** Frames between two runs of the detector. */
  detectEvery?: number;
  model?: string;
  minFace?: number;
  maxFaces?: number;
  attention?: boolean;
}

/** Follows the faces of a video or camera. */
export class Tracker {
  constructor(options?: TrackerOptions);
  options: TrackerOptions;
  /** The faces of the next frame by their numbers; `time` in seconds, later than the last. */
  step(source: Source, time: number): Promise<(Face & { track: number })[]>;
  /** Forget all faces, as before another video. */
  reset(): Promise<void>;
}

/** Steadies the points of one face that you follow yourself. */
export class Smoother {
  constructor(settings: Settings, markup: string);
  step(points: Point[], time: number): Point[];
  reset(): void;
}

/** The faces of a picture, the most certain first. */
export function align(source: Source, options?: Options): Promise<Face[]>;
/** Boxes from the brows to the chin, the most certain first; `angles`: degrees each leans clockwise. */
export function detect(
  source: Source,
  options?: { minFace?: number },
): Promise<{ boxes: Box[]; scores: number[]; angles: number[] }>;
/** Open the networks before the first picture comes; afterwards no file is read any more. */
export function load(options?: { model?: string }): Promise<Settings>;
/** A photo's pixels as Python reads them: upright by EXIF, colour profiles not applied. */
export function decode(blob: Blob): Promise<ImageBitmap>;
/** Results as a JSON document of schema facealign/1. */
export function toJson(results: ImageResult[]): string;
/** Results as a CSV table, a row a face. */
export function toCsv(results: ImageResult[]): string;
/** One face as the JSON document has it. */
export function faceEntry(face: Face): object;
/** Stop the worker; the next call starts a new one. */
export function close(): void;
