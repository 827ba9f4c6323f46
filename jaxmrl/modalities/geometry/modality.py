"""The modality of atoms in space, and its settings."""

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from jaxmrl.errors import ConfigError, check_choice
from jaxmrl.modalities import traits
from jaxmrl.modalities.base import Modality, ModalitySettings, Model, Molecules
from jaxmrl.modalities.geometry.conformers import COORDINATES, FROM_FILE
from jaxmrl.modalities.geometry.features import Geometries, find_pairs
from jaxmrl.progress import ProgressReporter

if TYPE_CHECKING:
    from flax import nnx

    from jaxmrl.modalities.geometry.dataset import GeometryDataset

ATOM_REFERENCES = ("auto", "on", "off")


@dataclass(frozen=True)
class GeometrySettings(ModalitySettings):
    """Settings of geometries, and of what models learn of them."""

    cutoff: float = 5.0
    """Connect atoms that are at most this far apart, in Å, in models of 3D geometries."""

    coordinates: Literal["conformers", "file"] = "conformers"
    """Take the 3D coordinates of molecules from conformers that are made from SMILES, or from the mol blocks of an SD
    file (--csv). Hydrogens that a block lacks are added; molecules without 3D coordinates are rejected. The predict and
    select commands then need an SD file with coordinates from the same method."""

    atom_references: Literal["auto", "on", "off"] = "auto"
    """Choose whether models of 3D geometries learn the residuals of a linear regression on the number of atoms of each
    element. The value auto means on for targets such as energies, if the regression explains at least 90% of their
    variance. If it is on for all targets, models sum over atoms; otherwise they average over atoms."""

    def check_features(self) -> None:
        if not (self.cutoff > 0 and math.isfinite(self.cutoff)):
            raise ConfigError(f"--cutoff must be a positive number of Å; got {self.cutoff:g}")
        check_choice("atom references", self.atom_references, ATOM_REFERENCES)
        check_choice("coordinates", self.coordinates, COORDINATES)
        super().check_features()


@dataclass(frozen=True)
class GeometryOptions:
    """cutoff: of pairs of atoms, in Å. over_atoms: "sum" or "mean" over the atoms of a molecule."""

    cutoff: float
    over_atoms: str


def _settings(config: GeometrySettings, features: Geometries | None) -> dict[str, Any]:
    own = {"coordinates": FROM_FILE} if config.coordinates == FROM_FILE else {}
    return {"cutoff": config.cutoff, **own}


def _featurize(molecules: Molecules, settings: dict[str, Any], reporter: ProgressReporter) -> Geometries:
    assert molecules.conformers is not None, "conformers are made for modalities that see positions"
    return find_pairs(molecules.conformers, settings["cutoff"])


def _to_device(geometries: Geometries) -> "GeometryDataset":
    from jaxmrl.modalities.geometry.dataset import GeometryDataset

    return GeometryDataset.to_device(geometries)


def _options(geometries: Geometries, over_atoms: str) -> GeometryOptions:
    return GeometryOptions(geometries.cutoff, over_atoms)


def _schnet(*, dropout: float, **settings: Any) -> "nnx.Module":
    from jaxmrl.modalities.geometry.schnet import SchNet

    return SchNet(**settings)


def _painn(*, dropout: float, **settings: Any) -> "nnx.Module":
    from jaxmrl.modalities.geometry.painn import PaiNN

    return PaiNN(**settings)


def _traits(smiles: str, settings: dict[str, Any]) -> list[str]:
    # Conformers have all hydrogens; SMILES leave out most of them.
    seen = [*traits.elements(smiles), *traits.fragments(smiles)]
    return [trait for trait in seen if trait != "element H"]


PAINN = Model(
    "painn", width=64, depth=3, dropout=0.0, learning_rate=5e-4, build=_painn, options=GeometryOptions, title="PaiNN"
)
"""It has no dropout. The study's has width 128 and depth 6, and so has its SchNet."""

SCHNET = replace(PAINN, name="schnet", build=_schnet, title="SchNet")


GEOMETRY = Modality(
    name="geometry",
    models=(PAINN, SCHNET),
    optimizer="adam",
    schedule="cosine",
    settings=_settings,
    featurize=_featurize,
    to_device=_to_device,
    options=_options,
    traits=_traits,
    sees_positions=True,
    needs_smiles=False,
)
