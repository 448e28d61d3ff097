//! The weights of a model, grouped into the units that FSDP gathers and reduces together: one unit for each layer, and one for
//! all other weights, such as the embedding and the output layer.

use super::shape::{Architecture, ImageSize, ModelShape, Vision};

/// One weight tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Weight {
    /// The first dimension, along which FSDP shards.
    pub rows: u64,
    /// The product of the other dimensions.
    pub columns: u64,
    /// Whether LoRA adds an adapter to the weight (projections of the queries, keys, values and the result of attention).
    pub adapted: bool,
    /// Whether the weight belongs to the experts of a mixture, which expert parallelism distributes.
    pub is_expert: bool,
}

impl Weight {
    pub fn elements(&self) -> u64 {
        self.rows * self.columns
    }
}

/// The part of the model to which the weights of a unit belong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Vision,
    Layer,
    Decoder,
    Root,
}

/// Weights that are gathered and reduced together.
#[derive(Clone, Debug)]
pub(crate) struct Unit {
    pub kind: Kind,
    pub tensors: Vec<Weight>,
}

impl Unit {
    pub fn elements(&self) -> u64 {
        self.tensors.iter().map(Weight::elements).sum()
    }
}

fn matrix(rows: u64, columns: u64) -> Weight {
    Weight { rows, columns, adapted: false, is_expert: false }
}

/// Returns the weights of all experts in one tensor, whose first dimension is the expert.
fn of_experts(count: u64, columns: u64) -> Weight {
    Weight { is_expert: true, ..matrix(count, columns) }
}

fn vector(length: u64) -> Weight {
    matrix(length, 1)
}

fn adapted(rows: u64, columns: u64) -> Weight {
    Weight { adapted: true, ..matrix(rows, columns) }
}

/// Returns a linear layer with a bias.
fn biased(rows: u64, columns: u64) -> [Weight; 2] {
    [matrix(rows, columns), vector(rows)]
}

/// Returns a layer norm: weight and bias.
fn layer_norm(width: u64) -> [Weight; 2] {
    [vector(width), vector(width)]
}

/// Returns every unit of a model in the order of its forward pass; the root is last.
pub(crate) fn units(shape: &ModelShape) -> Vec<Unit> {
    let mut units = Vec::new();
    if let Some(vision) = &shape.vision {
        let tensors = vision_layer(vision);
        units.extend((0..vision.layers).map(|_| Unit { kind: Kind::Vision, tensors: tensors.clone() }));
    }
    for number in 0..shape.layers {
        units.push(Unit { kind: Kind::Layer, tensors: layer(shape, number == 0) });
    }
    for number in 0..shape.decoder_layers {
        units.push(Unit { kind: Kind::Decoder, tensors: t5_block(shape, true, number == 0) });
    }
    units.push(Unit { kind: Kind::Root, tensors: root(shape) });
    units
}

fn layer(shape: &ModelShape, is_first: bool) -> Vec<Weight> {
    use Architecture::*;
    let (h, f) = (shape.hidden, shape.ffn);
    match shape.architecture {
        Gpt2 => [
            &layer_norm(h)[..],
            &biased(3 * h, h),
            &biased(h, h),
            &layer_norm(h),
            &biased(f, h),
            &biased(h, f),
        ]
        .concat(),
        GptNeoX => [
            &layer_norm(h)[..],
            &layer_norm(h),
            &biased(3 * h, h),
            &biased(h, h),
            &biased(f, h),
            &biased(h, f),
        ]
        .concat(),
        Phi | Vit => {
            let mut tensors = layer_norm(h).to_vec();
            if shape.architecture == Vit {
                tensors.extend(layer_norm(h));
            }
            for _ in 0..4 {
                tensors.extend([adapted(h, h), vector(h)]);
            }
            tensors.extend(biased(f, h));
            tensors.extend(biased(h, f));
            tensors
        }
        T5 => t5_block(shape, false, is_first),
        _ => llama_layer(shape),
    }
}

fn llama_layer(shape: &ModelShape) -> Vec<Weight> {
    use Architecture::*;
    let (h, f, d) = (shape.hidden, shape.ffn, shape.head_dim);
    let (q, kv) = (shape.heads * d, shape.kv_heads * d);
    let norms = if matches!(shape.architecture, Gemma2 | Gemma3) { 4 } else { 2 };
    let mut tensors = vec![vector(h); norms];
    if shape.architecture == Phi3 {
        tensors.extend([matrix(q + 2 * kv, h), adapted(h, q)]);
    } else {
        tensors.extend([adapted(q, h), adapted(kv, h), adapted(kv, h), adapted(h, q)]);
    }
    // Qwen2 MoE has an expert that every token is sent to, which no other mixture has.
    if shape.architecture == Qwen2 || shape.experts.is_some_and(|experts| experts.shared_ffn > 0) {
        tensors.extend([vector(q), vector(kv), vector(kv)]);
    }
    if shape.qk_norm {
        tensors.extend([vector(d), vector(d)]);
    }
    match shape.experts {
        Some(experts) => {
            tensors.extend([
                matrix(experts.count, h),
                of_experts(experts.count, 2 * experts.ffn * h),
                of_experts(experts.count, h * experts.ffn),
            ]);
            if experts.shared_ffn > 0 {
                let f = experts.shared_ffn;
                tensors.extend([matrix(f, h), matrix(f, h), matrix(h, f), matrix(1, h)]);
            }
        }
        None if shape.architecture == Phi3 => tensors.extend([matrix(2 * f, h), matrix(h, f)]),
        None => tensors.extend([matrix(f, h), matrix(f, h), matrix(h, f)]),
    }
    tensors
}

fn t5_block(shape: &ModelShape, is_decoder: bool, is_first: bool) -> Vec<Weight> {
    let (h, inner) = (shape.hidden, shape.heads * shape.head_dim);
    let mut tensors = Vec::new();
    for _ in 0..if is_decoder { 2 } else { 1 } {
        tensors.extend([matrix(inner, h), matrix(inner, h), matrix(inner, h), matrix(h, inner), vector(h)]);
    }
    if is_first {
        tensors.push(matrix(32, shape.heads));
    }
    tensors.extend(vec![matrix(shape.ffn, h); if shape.gated { 2 } else { 1 }]);
    tensors.extend([matrix(h, shape.ffn), vector(h)]);
    tensors
}

fn vision_layer(vision: &Vision) -> Vec<Weight> {
    let (h, f) = (vision.hidden, vision.ffn);
    let attention = [&biased(3 * h, h)[..], &biased(h, h)].concat();
    if vision.gated {
        return [&[vector(h), vector(h)][..], &attention, &biased(f, h), &biased(f, h), &biased(h, f)]
            .concat();
    }
    [&layer_norm(h)[..], &layer_norm(h), &attention, &biased(f, h), &biased(h, f)].concat()
}

/// Learned positions of Qwen3-VL's encoder (a square of 48 by 48).
const VISION_POSITIONS: u64 = 2304;

fn vision_root(vision: &Vision, out: u64) -> Vec<Weight> {
    let (h, wide) = (vision.hidden, vision.hidden * vision.merge * vision.merge);
    // Images are repeated over two frames.
    let mut tensors = vec![matrix(h, 3 * 2 * vision.patch * vision.patch)];
    if vision.learned_positions {
        tensors.extend([vector(h), matrix(VISION_POSITIONS, h)]);
    }
    for merger in 0..=vision.deepstack {
        let width = if merger == 0 { h } else { wide };
        if vision.gated {
            tensors.push(vector(width));
        } else {
            tensors.extend(layer_norm(width));
        }
        tensors.extend(biased(wide, wide));
        tensors.extend(biased(out, wide));
    }
    tensors
}

fn root(shape: &ModelShape) -> Vec<Weight> {
    use Architecture::*;
    let (h, v) = (shape.hidden, shape.vocab);
    let mut tensors = Vec::new();
    if let Some(vision) = &shape.vision {
        tensors.extend(vision_root(vision, h));
    }
    if let (Vit, Some(ImageSize { side: image, patch })) = (shape.architecture, shape.image) {
        let patches = (image / patch) * (image / patch);
        tensors.extend([vector(h), matrix(patches + 1, h)]);
        tensors.extend(biased(h, 3 * patch * patch));
        tensors.extend(layer_norm(h));
        tensors.extend(biased(v, h));
        return tensors;
    }
    tensors.push(matrix(v, h));
    if shape.positions > 0 {
        tensors.push(matrix(shape.positions, h));
    }
    match shape.architecture {
        Gpt2 | GptNeoX | Phi => tensors.extend(layer_norm(h)),
        T5 => tensors.extend([vector(h), vector(h)]),
        _ => tensors.push(vector(h)),
    }
    if !shape.tied {
        tensors.push(matrix(v, h));
        if shape.architecture == Phi {
            tensors.push(vector(v));
        }
    }
    tensors
}
