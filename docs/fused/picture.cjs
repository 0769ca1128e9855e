// Draw a picture with the fused graph of a model with detail, under Node.
// It has 1 or 3 channels and is written as PGM or PPM.
//
// Install: npm install --ignore-scripts onnxruntime-node (the package contains the binaries)
// Usage: node picture.cjs BUNDLE/fused/picture.onnx WIDTHxHEIGHT SEED OUT.ppm

const fs = require('node:fs');
const ort = require('onnxruntime-node');

async function main(file, size, seed, out) {
  const [width, height] = size.split('x').map(BigInt);
  // Without optimization the graph opens in a quarter of the time and draws as fast.
  const session = await ort.InferenceSession.create(file, { graphOptimizationLevel: 'disabled' });
  const { pixels } = await session.run({
    seed: new ort.Tensor('uint64', BigUint64Array.of(BigInt(seed)), []),
    size: new ort.Tensor('int64', BigInt64Array.of(height, width), [2]),
    zoom: new ort.Tensor('float64', Float64Array.of(0), []), // 0: the photo's height fits the picture's
  });
  const grey = pixels.dims[2] === 1; // pixels: (height, width, channels), uint8
  fs.writeFileSync(out, Buffer.concat([Buffer.from(`P${grey ? 5 : 6}\n${width} ${height}\n255\n`), pixels.data]));
}

main(...process.argv.slice(2));
