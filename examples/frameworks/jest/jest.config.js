export default {
  extensionsToTreatAsEsm: [".ts"],
  transform: { "\\.ts$": ["babel-jest", { presets: ["@babel/preset-typescript"] }] },
};
